"""Plot and section of the grids of Gaussians."""

import pathlib
from typing import Any

import numpy as np

from tf_smallgan.config import Config
from tf_smallgan.experiments import grid_samples, grid_timing, sections
from tf_smallgan.experiments.arms import GRID_ARMS
from tf_smallgan.experiments.gaussian_grid import LAST_SHARE, SETTINGS
from tf_smallgan.experiments.results import (
    ResultsTable,
    Row,
    flag_values,
    mean_and_interval,
    shown,
)

MEASURES = {
    "high_quality_share": ("high-quality samples, %", lambda row, x: 100 * x),
    "modes_recovered": (
        "modes recovered, %",
        lambda row, x: 100 * x / int(row["modes"]),
    ),
}
# The average is what sampling takes.
OF, ALSO = "average", "trained"
WEIGHTS = {OF: "averaged weights", ALSO: "trained weights"}


def write(folder: pathlib.Path, config: Config) -> None:
    """Writes gaussian_grid.md and its pictures from the rows of the CSV.

    Rows of other settings than `config` are left out.
    """
    last, settings = config.training.train_steps, flag_values(config, SETTINGS)
    runs = ResultsTable(folder / "gaussian_grid.csv", ())
    rows = _scorings(runs.select(**settings), last)
    if not rows:
        return
    timings = ResultsTable(folder / grid_timing.FILE, ()).select(**settings)
    times = {row["arm"]: row["over_plain"] for row in timings}
    grids = sorted({int(row["modes"]) for row in rows})
    parts = [
        f"{last:,} steps, 10,000 samples of the plain prior; of a run the mean of the "
        f"scorings in its last {LAST_SHARE:.0%}, of an arm mean and 95% interval "
        "(Student's) over seeds. Averaged weights are what sampling takes, and what "
        "the plot shows. Wall time: of a step, over plain's, measured in turns.",
        "![What each arm covers](gaussian_grid.png)",
    ]
    for modes in grids:
        some = _of(rows, modes)
        parts += [f"## {modes} modes", _table(some, times)]
        kept = settings | {"steps": last}
        picture = grid_samples.draw(folder, modes, _arms(some), kept)
        if picture:
            parts += [
                f"2,000 samples of one run of each arm, {WEIGHTS[OF]}, over the modes' "
                "centres:",
                f"![Samples of each arm, {modes} modes]({picture})",
            ]
    _plot(rows, grids, folder / "gaussian_grid.png")
    sections.write_section(folder / "gaussian_grid.md", "Grids of Gaussians", parts)
    print(f"{folder / 'gaussian_grid.md'}, .png and .csv")


def _scorings(rows: list[Row], last: int) -> list[Row]:
    """The last quarter's of the runs that went on to step `last` or further."""
    ended = {_run(row) for row in rows if int(row["steps"]) == last}
    return [
        row
        for row in rows
        if (1 - LAST_SHARE) * last < int(row["steps"]) <= last and _run(row) in ended
    ]


def _run(row: Row) -> tuple[str, ...]:
    return row["modes"], row["arm"], row["seed"]


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
    return [name for name in GRID_ARMS if name in present]


def _kind(arm: str) -> int:
    """0 without a core-set, 1 with one, 2 for what bounds them."""
    if GRID_ARMS[arm].even:
        return 2
    return 0 if arm.startswith("plain") else 1


def _table(rows: list[Row], times: dict[str, str]) -> str:
    lines: list[list[Any]] = []
    for arm in _arms(rows):
        cells = [
            shown(*mean_and_interval(_values(rows, arm, name, of)))
            for of in (OF, ALSO)
            for name in MEASURES
        ]
        seeds = len({row["seed"] for row in rows if row["arm"] == arm})
        lines.append([f"`{arm}`", seeds, *cells, times.get(arm, "")])
    heads = [
        f"{text}, {WEIGHTS[of]}" for of in (OF, ALSO) for text, _ in MEASURES.values()
    ]
    return sections.table(["arm", "seeds", *heads, "wall time"], lines)


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
                color = sections.COLORS[_kind(arm)]
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
            ax.set_ylabel(f"{text},\n{WEIGHTS[OF]}", fontsize=9)
            # An interval of a share may leave 0 to 100%; the axis does not.
            low, high = ax.get_ylim()
            ax.set_ylim(max(low, -3), min(high, 103))
            ax.set_xticks(range(len(arms)), arms, rotation=60, ha="right", fontsize=7)
    sections.save_figure(figure, path)
