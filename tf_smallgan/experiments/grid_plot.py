"""The picture of the grids of Gaussians: every arm's value, and its gain over plain."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_smallgan.experiments import sections
from tf_smallgan.experiments.arms import GRID_ARMS
from tf_smallgan.experiments.grid_values import MEASURES, GridRows
from tf_smallgan.experiments.results import mean_and_interval

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
