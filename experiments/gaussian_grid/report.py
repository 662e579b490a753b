"""The picture of the grids of Gaussians: every arm's value, and its gain over plain."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.common import sections
from experiments.common.arms import DATA_TIMES, GRID_ARMS, PRIOR_TIMES
from experiments.common.results import (
    ResultsTable,
    Row,
    flag_values,
    mean_and_interval,
    shown,
)
from experiments.gaussian_grid import samples, timing
from experiments.gaussian_grid.rows import (
    IMBALANCE,
    LAST_SHARE,
    MEASURES,
    GridRows,
    by_grid,
)
from experiments.gaussian_grid.study import NAME, SETTINGS
from tf_smallgan.config import Config

LINE, AROUND, WIDTH = 0.2, 0.75, 2.9


def draw(grids: Sequence[GridRows], of: str, path: pathlib.Path) -> None:
    """Writes a PNG: a row a grid, a line an arm, intervals as bars, seeds as dots.

    An arm of two seeds has no bar: it would be 13 times as wide as they lie apart.

    Args:
      of: "average" or "trained", the weights that were sampled.
    """
    heights = [LINE * len(grid.arms) + AROUND for grid in grids]
    figure, axes = sections.new_figure(
        2 * len(MEASURES),
        len(grids),
        (WIDTH, sum(heights) / len(grids)),
        heights=heights,
    )
    for grid, line in zip(grids, axes):
        for measure, (values, gains) in zip(MEASURES, line.reshape(-1, 2)):
            by_arm = {arm: grid.values(arm, measure, of) for arm in grid.arms}
            _bars(values, {arm: list(x.values()) for arm, x in by_arm.items()})
            # An interval of a share may leave 0 to 100%; the axis does not.
            low, high = values.get_xlim()
            values.set_xlim(max(low, -3), min(high, 103))
            _bars(
                gains,
                {
                    arm: grid.gains(arm, measure, of) if arm != "plain" else []
                    for arm in grid.arms
                },
            )
            gains.axvline(0, color="#5a6878", lw=1, zorder=0)
            values.set_xlabel(measure.title, fontsize=8)
            gains.set_xlabel("... over plain of the same seed", fontsize=8)
            gains.tick_params(labelleft=False)
            values.tick_params(labelleft=values is line[0])
        line[0].set_title(f"{grid.modes} modes", fontsize=10, loc="left")
    sections.save_figure(figure, path)


def _bars(ax: Any, values: dict[str, list[float]]) -> None:
    for place, (arm, each) in enumerate(values.items()):
        mean, interval = mean_and_interval(each)
        color = sections.COLORS[_kind(arm)]
        ax.errorbar(
            mean,
            place,
            xerr=np.nan_to_num(interval) if len(each) > 2 else 0,
            fmt="o",
            ms=4,
            capsize=2,
            color=color,
            zorder=2,
        )
        ax.plot(each, [place] * len(each), ".", ms=3, color="#9aa5b1", zorder=3)
    ax.set_yticks(range(len(values)), list(values), fontsize=8)
    ax.set_ylim(len(values) - 0.4, -0.6)


def _kind(arm: str) -> int:
    """0 without a core-set, 1 with one, 2 for what bounds them."""
    if GRID_ARMS[arm].even:
        return 2
    return 0 if arm.startswith("plain") else 1


# Section of the grids of Gaussians.


# The average is what sampling takes.
WEIGHTS = {"average": "averaged weights", "trained": "trained weights"}
PLOTTED = "average"


def write(folder: pathlib.Path, config: Config) -> None:
    """Writes gaussian_grid.md and its pictures from the rows of the CSV.

    Rows of other settings than `config` are left out.
    """
    last, settings = config.training.train_steps, flag_values(config, SETTINGS)
    runs = ResultsTable(folder / f"{NAME}.csv", ())
    grids = by_grid(runs.select(**settings), last)
    if not grids:
        return
    timings = ResultsTable(folder / timing.FILE, ()).select(**settings)
    times = {row["arm"]: f"{float(row['over_plain']):.2f}" for row in timings}
    draw(grids, PLOTTED, folder / f"{NAME}.png")
    parts = [
        *_explained(config, timings),
        f"![Each arm's values and gains, {WEIGHTS[PLOTTED]}]({NAME}.png)",
    ]
    for grid in grids:
        parts.append(f"## {grid.modes} modes")
        for of, text in WEIGHTS.items():
            parts += [f"{text.capitalize()}:", _table(grid, of, times)]
        kept = settings | {"steps": last}
        picture = samples.draw(folder, grid.modes, grid.arms, kept)
        if picture:
            parts += [
                f"2,000 samples of one run of each arm, {WEIGHTS['average']}, over the "
                "modes' centres:",
                f"![Samples of each arm, {grid.modes} modes]({picture})",
            ]
    parts += _together(grids, times)
    sections.write_section(folder / f"{NAME}.md", "Grids of Gaussians", parts)
    print(f"{folder / NAME}.md, .png and .csv")


def _explained(config: Config, timings: list[Row]) -> list[str]:
    """The setting, and what the columns are."""
    training = config.training
    flags = {"train_steps": training.train_steps} | flag_values(config, SETTINGS)
    batch = training.batch_size
    grids = " and ".join(sorted({row["modes"] for row in timings}))
    timed = f" at {grids} modes" if grids else ""
    return [
        f"Core-sets: {batch} of {PRIOR_TIMES * batch} latents, {batch} of "
        f"{DATA_TIMES * batch} points, chosen on latents and points themselves.\n\n    "
        + " ".join(f"--{name}={value}" for name, value in flags.items()),
        "10,000 samples of the plain prior are scored; a run's value is the mean of "
        f"the scorings in its last {LAST_SHARE:.0%}, an arm's mean and 95% interval "
        "are Student's over seeds. Over plain: the differences from plain of the same "
        "seed, their mean and interval, and in how many the arm is ahead. All arms of "
        "a grid share plain's runs, and an interval of twenty leaves zero out by "
        "chance. A mode is recovered by one sample of 10,000, as nearly all are by an "
        "even haze with few good samples: the two columns are to be read together. "
        "Imbalance: the Kullback-Leibler divergence of the good samples' modes from "
        "all alike, 0 where each has as many. Wall time: of a step, over plain's, "
        f"measured in turns{timed}. Steps to plain's quality: to the first scoring "
        "whose mean over seeds is plain's at its end or more, and the time to it over "
        "plain's.",
    ]


def _table(grid: GridRows, of: str, times: dict[str, str]) -> str:
    lines: list[list[Any]] = []
    for arm in grid.arms:
        values = [grid.values(arm, measure, of) for measure in MEASURES]
        cells: list[Any] = []
        for measure, each in zip(MEASURES, values):
            cells.append(shown(*mean_and_interval(each.values())))
            cells.append(_gain(grid.gains(arm, measure, of)) if arm != "plain" else "")
        uneven = grid.values(arm, IMBALANCE, of).values()
        cells.append(shown(*mean_and_interval(uneven), 2))
        cells += [times.get(arm, ""), _time_to_plain(grid, arm, of, times)]
        lines.append([f"`{arm}`", len(values[0]), *cells])
    heads = [text for m in MEASURES for text in (m.title, "over plain")]
    heads += [IMBALANCE.title, "wall time", "steps to plain's quality"]
    return sections.table(["arm", "seeds", *heads], lines)


def _together(grids: list[GridRows], times: dict[str, str]) -> list[str]:
    """Gains of the arms that several grids have; nothing where none has."""
    parts = []
    for of, text in WEIGHTS.items():
        lines: list[list[Any]] = []
        for arm in GRID_ARMS:
            gains = [[g.gains(arm, m, of) for g in grids] for m in MEASURES]
            here = [grid.modes for grid, each in zip(grids, gains[0]) if each]
            if arm == "plain" or len(here) < 2:
                continue
            cells = [", ".join(map(str, here)), *(_gain(sum(x, [])) for x in gains)]
            lines.append([f"`{arm}`", *cells, times.get(arm, "")])
        if lines:
            heads = [f"{m.title}, over plain" for m in MEASURES]
            heads = ["arm", "grids", *heads, "wall time"]
            parts += [f"{text.capitalize()}:", sections.table(heads, lines)]
    if not parts:
        return []
    told = (
        "Each pair of a grid and a seed counts once and as independent of the others, "
        "so that intervals are narrower than those above. They say what an arm does on "
        "the average of its grids, which need not be what it does on each; arms of "
        "other grids are not to be held against each other."
    )
    return ["## Grids together", told, *parts]


def _time_to_plain(grid: GridRows, arm: str, of: str, times: dict[str, str]) -> str:
    """As "13,000 (0.89)"; empty without plain, "not reached" where it never is."""
    quality = MEASURES[0]
    ends = grid.values("plain", quality, of)
    if not ends:
        return ""
    goal = sum(ends.values()) / len(ends)
    steps, base = (grid.steps_to(goal, name, quality, of) for name in (arm, "plain"))
    if steps is None or base is None:
        return "not reached"
    ratio = f" ({steps / base * float(times[arm]):.2f})" if arm in times else ""
    return f"{steps:,}{ratio}"


def _gain(gains: list[float]) -> str:
    """As "1.5 ± 0.7 (4 of 5)"."""
    if not gains:
        return ""
    ahead = sum(gain > 0 for gain in gains)
    return f"{shown(*mean_and_interval(gains))} ({ahead} of {len(gains)})"
