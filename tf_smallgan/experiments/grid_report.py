"""Section of the grids of Gaussians."""

import pathlib
from typing import Any

from tf_smallgan.config import Config
from tf_smallgan.experiments import grid_plot, grid_samples, grid_timing, sections
from tf_smallgan.experiments.arms import DATA_TIMES, GRID_ARMS, PRIOR_TIMES
from tf_smallgan.experiments.gaussian_grid import NAME, SETTINGS
from tf_smallgan.experiments.grid_values import (
    IMBALANCE,
    LAST_SHARE,
    MEASURES,
    GridRows,
    by_grid,
)
from tf_smallgan.experiments.results import (
    ResultsTable,
    Row,
    flag_values,
    mean_and_interval,
    shown,
)

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
    timings = ResultsTable(folder / grid_timing.FILE, ()).select(**settings)
    times = {row["arm"]: f"{float(row['over_plain']):.2f}" for row in timings}
    grid_plot.draw(grids, PLOTTED, folder / f"{NAME}.png")
    parts = [
        *_explained(config, timings),
        f"![Each arm's values and gains, {WEIGHTS[PLOTTED]}]({NAME}.png)",
    ]
    for grid in grids:
        parts.append(f"## {grid.modes} modes")
        for of, text in WEIGHTS.items():
            parts += [f"{text.capitalize()}:", _table(grid, of, times)]
        kept = settings | {"steps": last}
        picture = grid_samples.draw(folder, grid.modes, grid.arms, kept)
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
