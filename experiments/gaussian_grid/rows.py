"""What the grids of Gaussians came to: a value a run, and gains over plain by seed."""

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np

from experiments.common.arms import GRID_ARMS
from experiments.common.results import Row

# Of a run. What G covers moves up and down all the time: its value is the mean of the
# last quarter's scorings.
LAST_SHARE = 0.25


@dataclasses.dataclass(frozen=True)
class Measure:
    """A column of the CSV.

    Attributes:
      column: without the weights that it is of.
      title: what it is called.
      of_row: its value of a row, given what is in the column; shares in percent.
    """

    column: str
    title: str
    of_row: Callable[[Row, float], float]


MEASURES = (
    Measure("high_quality_share", "high-quality samples, %", lambda row, x: 100 * x),
    Measure(
        "modes_recovered",
        "modes recovered, %",
        lambda row, x: 100 * x / int(row["modes"]),
    ),
)
# How unevenly the good samples lie in the modes: 0 where all have as many.
IMBALANCE = Measure("imbalance", "imbalance, nats", lambda row, x: x)


@dataclasses.dataclass(frozen=True)
class GridRows:
    """Rows of one grid, of one setting, of runs that went on to step `last`."""

    modes: int
    last: int
    rows: tuple[Row, ...]

    @property
    def arms(self) -> list[str]:
        """Those with a run, in `GRID_ARMS`' order."""
        present = {row["arm"] for row in self.rows}
        return [name for name in GRID_ARMS if name in present]

    def values(self, arm: str, measure: Measure, of: str) -> dict[int, float]:
        """An arm's value by seed, the mean of the last quarter's scorings.

        Args:
          of: "average" or "trained", the weights that were sampled.
        """
        return {
            seed: float(
                np.mean([x for step, x in curve if step > (1 - LAST_SHARE) * self.last])
            )
            for seed, curve in self._curves(arm, measure, of).items()
        }

    def _curves(
        self, arm: str, measure: Measure, of: str
    ) -> dict[int, list[tuple[int, float]]]:
        """(step, value) of each scoring, by seed."""
        curves: dict[int, list[tuple[int, float]]] = {}
        for row in sorted(self.rows, key=lambda row: int(row["steps"])):
            if row["arm"] == arm:
                value = measure.of_row(row, float(row[f"{measure.column}/{of}"]))
                curve = curves.setdefault(int(row["seed"]), [])
                curve.append((int(row["steps"]), value))
        return dict(sorted(curves.items()))

    def steps_to(self, goal: float, arm: str, measure: Measure, of: str) -> int | None:
        """The first scoring whose mean over seeds is `goal` or more; None without."""
        by_step: dict[int, list[float]] = {}
        for curve in self._curves(arm, measure, of).values():
            for step, value in curve:
                by_step.setdefault(step, []).append(value)
        reached = (step for step, each in by_step.items() if np.mean(each) >= goal)
        return next(reached, None)

    def gains(
        self, arm: str, measure: Measure, of: str, over: str = "plain"
    ) -> list[float]:
        """An arm's value less another's, of each seed that both have."""
        base = self.values(over, measure, of)
        mine = self.values(arm, measure, of)
        return [value - base[seed] for seed, value in mine.items() if seed in base]


def by_grid(rows: Iterable[Row], last: int) -> list[GridRows]:
    """Rows up to step `last` of the runs that went on to it, grid by grid."""
    rows = list(rows)
    ended = {_run(row) for row in rows if int(row["steps"]) == last}
    kept = [row for row in rows if int(row["steps"]) <= last and _run(row) in ended]
    return [
        GridRows(modes, last, tuple(row for row in kept if int(row["modes"]) == modes))
        for modes in sorted({int(row["modes"]) for row in kept})
    ]


def _run(row: Row) -> tuple[str, ...]:
    return row["modes"], row["arm"], row["seed"]
