"""Plot and section of the grids of Gaussians."""

import pathlib
from typing import Any

import numpy as np

from tf_smallgan.config import Config
from tf_smallgan.experiments import grid_timing, sections
from tf_smallgan.experiments.arms import ARMS
from tf_smallgan.experiments.gaussian_grid import LAST_SHARE
from tf_smallgan.experiments.results import (
    Row,
    mean_and_interval,
    read_rows,
    shown,
)

MEASURES = {
    "high_quality_share": ("high-quality samples, %", lambda row, x: 100 * x),
    "modes_recovered": (
        "modes recovered, %",
        lambda row, x: 100 * x / int(row["modes"]),
    ),
}
# Which weights: G moves so fast here that its average lags behind.
OF, ALSO = "trained", "average"


def write(folder: pathlib.Path, config: Config) -> None:
    """Writes gaussian_grid.png and gaussian_grid.md from the rows of the CSV."""
    rows = read_rows(folder / "gaussian_grid.csv")
    last = config.training.train_steps
    rows = [r for r in rows if (1 - LAST_SHARE) * last < int(r["steps"]) <= last]
    if not rows:
        return
    times = {r["arm"]: r["over_plain"] for r in read_rows(folder / grid_timing.FILE)}
    grids = sorted({int(row["modes"]) for row in rows})
    parts = [
        f"{last:,} steps, {OF} weights, 10,000 samples of the plain prior; of a run "
        f"the mean of the scorings in its last {LAST_SHARE:.0%}, of an arm mean and "
        "95% interval (Student's) over seeds. Wall time is that of a step over "
        "plain's, measured in turns.",
        "![What each arm covers](gaussian_grid.png)",
    ]
    for modes in grids:
        parts += [f"## {modes} modes", _table(_of(rows, modes), times)]
    _plot(rows, grids, folder / "gaussian_grid.png")
    sections.write_section(folder / "gaussian_grid.md", "Grids of Gaussians", parts)
    print(f"{folder / 'gaussian_grid.md'}, .png and .csv")


def _of(rows: list[Row], modes: int) -> list[Row]:
    return [row for row in rows if row["modes"] == str(modes)]


def _values(rows: list[Row], arm: str, name: str, of: str = OF) -> list[float]:
    """A value a seed: the mean of its scorings."""
    convert = MEASURES[name][1]
    by_seed: dict[str, list[float]] = {}
    for row in rows:
        if row["arm"] == arm:
            value = convert(row, float(row[f"{name}/{of}"]))
            by_seed.setdefault(row["seed"], []).append(value)
    return [float(np.mean(values)) for values in by_seed.values()]


def _arms(rows: list[Row]) -> list[str]:
    present = {row["arm"] for row in rows}
    return [name for name in ARMS if name in present]


def _table(rows: list[Row], times: dict[str, str]) -> str:
    lines: list[list[Any]] = []
    for arm in _arms(rows):
        cells = [shown(*mean_and_interval(_values(rows, arm, n))) for n in MEASURES]
        also = _values(rows, arm, "high_quality_share", ALSO)
        lines.append(
            [
                f"`{arm}`",
                len(also),
                *cells,
                shown(*mean_and_interval(also)),
                times.get(arm, ""),
            ]
        )
    heads = ["arm", "seeds", *(text for text, _ in MEASURES.values())]
    return sections.table(
        [*heads, f"high-quality, {ALSO} weights, %", "wall time"], lines
    )


def _plot(rows: list[Row], grids: list[int], path: pathlib.Path) -> None:
    figure, axes = sections.new_figure(
        len(grids), len(MEASURES), (max(4.5, 0.42 * len(_arms(rows))), 3.4)
    )
    for column, modes in enumerate(grids):
        some = _of(rows, modes)
        arms = _arms(some)
        for line, (name, (text, _)) in enumerate(MEASURES.items()):
            ax = axes[line, column]
            for place, arm in enumerate(arms):
                values = _values(some, arm, name)
                mean, interval = mean_and_interval(values)
                color = sections.COLORS[0 if arm.startswith("plain") else 1]
                ax.errorbar(
                    place,
                    mean,
                    np.nan_to_num(interval),
                    fmt="o",
                    ms=5,
                    capsize=3,
                    color=color,
                )
                ax.plot([place] * len(values), values, ".", ms=3, color="#9aa5b1")
            ax.set_title(f"{modes} modes", fontsize=9)
            ax.set_ylabel(text, fontsize=9)
            # An interval of a share may leave 0 to 100%; the axis does not.
            low, high = ax.get_ylim()
            ax.set_ylim(max(low, -3), min(high, 103))
            ax.set_xticks(range(len(arms)), arms, rotation=60, ha="right", fontsize=7)
    sections.save_figure(figure, path)
