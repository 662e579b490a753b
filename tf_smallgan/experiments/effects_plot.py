"""Picture of BigGAN's effects: a panel an effect."""

import pathlib
from typing import Any

from tf_smallgan.experiments import sections
from tf_smallgan.experiments.effects_rows import EffectRows, Values, both
from tf_smallgan.experiments.scoring import Sampling

_NETWORKS = {
    "base": "both",
    "no_sharing": "no sharing",
    "no_skips": "no skip-z",
    "neither": "neither",
}
_DISTANCE = "Frechet distance"

Pairs = dict[str, tuple[Values, Values]]
"""By label: what is on the left and on the right, by seed."""


def draw(found: EffectRows, path: pathlib.Path) -> None:
    """Writes the PNG; a panel without rows stays empty but for its title."""
    figure, axes = sections.new_figure(2, 2, (5.2, 3.7))
    _networks(axes[0, 0], found)
    _pairs(axes[0, 1], _weight_pairs(found), ("averaged", "trained"))
    _pairs(axes[1, 0], _truncation_pairs(found), ("1", "0.5"))
    _pairs(axes[1, 1], _statistics_pairs(found), ("standing", "moving"))
    titles = (
        *("Shared embedding and skip-z", "Averaged weights or trained ones"),
        *("Truncation 1 and 0.5", "Standing or moving statistics"),
    )
    axes[1, 0].set_xlabel("truncation", fontsize=9)
    names = (_DISTANCE, _DISTANCE, "conditional accuracy, %", _DISTANCE)
    for ax, title, name in zip(axes.flat, titles, names):
        ax.set_title(title, fontsize=9)
        ax.set_ylabel(name, fontsize=9)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False, fontsize=7)
    sections.save_figure(figure, path)


def _networks(ax: Any, found: EffectRows) -> None:
    """Distance of each variant, a point a run."""
    for place, (name, color) in enumerate(zip(_NETWORKS, sections.COLORS)):
        distances = list(found.values("frechet_distance", name).values())
        ax.plot([place] * len(distances), distances, "o", ms=5, color=color)
    ax.set_xticks(range(len(_NETWORKS)), list(_NETWORKS.values()), fontsize=7)
    ax.margins(0.15)


def _weight_pairs(found: EffectRows) -> Pairs:
    return {
        "standing": both(
            found.values("frechet_distance", "base", Sampling("average")),
            found.values("frechet_distance", "base", Sampling("trained")),
        )
    }


def _truncation_pairs(found: EffectRows) -> Pairs:
    pairs = {}
    for name, text in (("base", "plain"), ("orthogonal", "orthogonal")):
        for bn in ("standing", "moving"):
            whole, half = found.accuracies(name, bn)
            pairs[f"{text}, {bn}"] = _percent(whole), _percent(half)
    return pairs


def _percent(values: Values) -> Values:
    return {seed: 100 * value for seed, value in values.items()}


def _statistics_pairs(found: EffectRows) -> Pairs:
    return {
        text: both(
            found.values("frechet_distance", "base", Sampling(weights)),
            found.values("frechet_distance", "base", Sampling(weights, "moving")),
        )
        for weights, text in (("average", "averaged"), ("trained", "trained"))
    }


def _pairs(ax: Any, pairs: Pairs, names: tuple[str, str]) -> None:
    """A line a run from one way of sampling to the other, group beside group."""
    places: list[float] = []
    texts: list[str] = []
    for group, (label, (left, right)) in enumerate(pairs.items()):
        color = sections.COLORS[group]
        for number, seed in enumerate(left):
            ax.plot(
                [2.5 * group, 2.5 * group + 1],
                [left[seed], right[seed]],
                "o-",
                ms=4,
                lw=1,
                color=color,
                label=label if number == 0 and len(pairs) > 1 else None,
            )
        if left:
            places += [2.5 * group, 2.5 * group + 1]
            texts += names
    ax.set_xticks(places, texts, fontsize=7)
    ax.margins(x=0.1, y=0.15)
