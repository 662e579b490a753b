"""Picture of BigGAN's effects: a panel an effect."""

import pathlib
from collections.abc import Iterable
from typing import Any

from experiments.biggan_effects import study, timing
from experiments.biggan_effects.flags import BigganEffectsConfig
from experiments.biggan_effects.rows import EffectRows, Values, both, of_these_settings
from experiments.common import sections
from experiments.common.results import mean_and_interval, read_rows, shown
from experiments.common.runs import flag
from experiments.common.scoring import PLAIN, Sampling

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


# Section of BigGAN's effects: a table an effect.


_SETTING = (
    *("dataset", "resolution", "channel_multiplier", "latent_dim", "batch_size"),
    *("prior_oversample", "data_oversample", "coreset_method", "prior_coreset_method"),
    *(
        "discriminator_steps",
        "generator_lr",
        "discriminator_lr",
        "ema_decay",
        "train_steps",
    ),
    *("num_samples", "standing_batches", "truncation_rule", "margin"),
)
_SCORES = ("Frechet distance", "conditional accuracy, %")
_effects_report_NETWORKS = {
    "base": "shared embedding, skip-z",
    "no_sharing": "own embeddings, skip-z",
    "no_skips": "shared embedding, no skip-z",
    "neither": "own embeddings, no skip-z",
}
_REGULARIZED = {"base": "none", "orthogonal": "1e-4"}
_WEIGHTS = {"average": "averaged", "trained": "trained"}
_STATISTICS = ("standing", "moving")


def write(folder: pathlib.Path, config: BigganEffectsConfig) -> None:
    """Writes biggan_effects.png and biggan_effects.md from the rows of the CSV.

    Rows of other settings than those of `config` are left out.
    """
    rows = read_rows(folder / f"{study.NAME}.csv")
    found = of_these_settings(rows, config)
    if not found.rows:
        print("No score yet: no plot and no section.")
        return
    options = config.biggan_effects
    parts = [_setting(config, found), "![Effects](biggan_effects.png)"]
    times = timing.times(folder, config)
    parts += ["## Shared embedding and skip-z", _effects_report_networks(found, times)]
    parts += ["## Averaged weights or trained ones", _weights(found)]
    parts += [
        "## Truncation, with orthogonal regularisation and without",
        "Sane is a run whose conditional accuracy at truncation 0.5 is at least that "
        f"at truncation 1 less {options.margin:g}. A generator that is amenable gains "
        "accuracy by truncation, since what it leaves out are the rare latents.",
        _truncation(found, options.margin),
    ]
    parts += ["## Standing or moving statistics", _statistics(found)]
    missing = _missing(config, found)
    if missing:
        parts.append(
            f"Not scored: {'; '.join(missing)}. They were not run yet, or collapsed, "
            "which a file in the run's folder then tells."
        )
    path = folder / f"{study.NAME}.md"
    draw(found, path.with_suffix(".png"))
    sections.write_section(path, "BigGAN's effects at a small scale", parts)
    print(f"{path}, .png and .csv")


def _missing(config: BigganEffectsConfig, found: EffectRows) -> list[str]:
    """The runs that are asked for and have no row."""
    options = config.biggan_effects
    first = config.run.seed
    return [
        f"`{name}` with seed {seed}"
        for name in study.chosen_variants(config)
        for seed in range(first, first + options.seeds)
        if seed not in found.values("frechet_distance", name)
    ]


def _setting(config: BigganEffectsConfig, found: EffectRows) -> str:
    given = {name: flag(config, name) for name in _SETTING}
    flags = " ".join(f"--{n}={v}" for n, v in given.items() if v is not None)
    hardware = " and ".join(sorted({row["hardware"] for row in found.rows}))
    return (
        "Asked: which of BigGAN's ingredients show their effect in a network that two "
        "CPU cores train in minutes? Mean and 95% interval (Student's) over seeds; "
        "Frechet distance in the features of the classifier that all runs share. "
        f"Hardware: {hardware}.\n\n    {flags}"
    )


def _mean(values: Iterable[float], digits: int = 1) -> str:
    return shown(*mean_and_interval(values), digits)


def _scores(found: EffectRows, variant: str, sampling: Sampling = PLAIN) -> list[str]:
    distances = found.values("frechet_distance", variant, sampling)
    accuracies = found.values("conditional_accuracy", variant, sampling)
    if not distances:
        return ["", ""]
    return [
        _mean(distances.values(), 2),
        _mean(100 * value for value in accuracies.values()),
    ]


def _effects_report_networks(
    found: EffectRows, times: dict[str, tuple[float, float]]
) -> str:
    lines = []
    for name, text in _effects_report_NETWORKS.items():
        seeds = found.values("frechet_distance", name)
        if not seeds:
            continue
        milliseconds, over = times.get(name, ("", ""))
        lines.append([text, len(seeds), milliseconds, over, *_scores(found, name)])
    heads = ["networks", "seeds", "ms a step", "over the first's", *_SCORES]
    text = sections.table(heads, lines)
    if times:
        text = f"The time of a step is measured in turns, by `--timing`.\n\n{text}"
    return text


def _weights(found: EffectRows) -> str:
    average, trained = (
        found.values("frechet_distance", "base", Sampling(weights))
        for weights in ("average", "trained")
    )
    average, trained = both(average, trained)
    less = sum(average[seed] < trained[seed] for seed in average)
    lines = [
        [text, *_scores(found, "base", Sampling(weights))]
        for weights, text in _WEIGHTS.items()
    ]
    return (
        "Both of the same runs, with standing statistics. The averaged weights have "
        f"the smaller distance in {less} of {len(average)} runs.\n\n"
        + sections.table(["weights", *_SCORES], lines)
    )


def _truncation(found: EffectRows, margin: float) -> str:
    lines = []
    for name, text in _REGULARIZED.items():
        for bn in _STATISTICS:
            whole, half = found.accuracies(name, bn)
            if not whole:
                continue
            sane = found.sane(name, bn, margin)
            lines.append(
                [
                    text,
                    bn,
                    _mean(100 * value for value in whole.values()),
                    _mean(100 * value for value in half.values()),
                    f"{sum(sane)} of {len(sane)}",
                ]
            )
    heads = ["orthogonal regularisation", "statistics", "accuracy at 1, %"]
    return sections.table([*heads, "accuracy at 0.5, %", "sane runs"], lines)


def _statistics(found: EffectRows) -> str:
    lines = [
        [text, bn, *_scores(found, "base", Sampling(weights, bn))]
        for weights, text in _WEIGHTS.items()
        for bn in _STATISTICS
    ]
    return sections.table(["weights", "statistics", *_SCORES], lines)
