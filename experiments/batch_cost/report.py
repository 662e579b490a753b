"""Plot and section of what batches and core-sets cost."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from experiments.batch_cost import study
from experiments.batch_cost.flags import BatchCostConfig
from experiments.common import sections
from experiments.common.results import ResultsTable, Row, mean_and_interval, shown

# (batch size, oversampling) -> value by seed.
Costs = Mapping[tuple[int, int], Mapping[int, float]]
# Column -> (its heading, decimals); `{}` is the number of updates.
MEASURES = {
    "seconds": ("seconds for {} updates", 1),
    "cpu_seconds": ("CPU seconds", 1),
    "peak_mib": ("peak memory, MiB", 0),
    "added_mib": ("memory added by training, MiB", 0),
}
PLOTTED = ("seconds", "peak_mib", "added_mib")


@dataclasses.dataclass(frozen=True)
class Crossing:
    """A core-set of a large batch beside training on the whole large batch.

    Attributes:
      batch_size: B.
      oversample: the large batch over B.
      ratios: by measure, the cost of the core-set at B over plain's at the large
        batch, a value a seed; below 1 the core-set is the cheaper one.
      surcharges: by measure, the percent that the core-set at B costs more than plain
        at B, a value a seed.
      equals: by measure, the plain batch that costs as much as the core-set at B, by
        the means; B where the core-set costs no more than that.
    """

    batch_size: int
    oversample: int
    ratios: dict[str, list[float]]
    surcharges: dict[str, list[float]]
    equals: dict[str, float]


def crossings(costs: Mapping[str, Costs]) -> list[Crossing]:
    """Every core-set whose large batch was measured plain too, with the same seed.

    Args:
      costs: by measure.
    """
    measured = next(iter(costs.values()))
    found = []
    for pair in sorted(measured):
        batch, oversample = pair
        large, small = (batch * oversample, 1), (batch, 1)
        seeds = [set(measured.get(one, ())) for one in (pair, large, small)]
        if oversample == 1 or not set.intersection(*seeds):
            continue
        ratios = {n: _over(each[pair], each[large]) for n, each in costs.items()}
        surcharges = {
            name: [100 * (ratio - 1) for ratio in _over(each[pair], each[small])]
            for name, each in costs.items()
        }
        equals = {name: _equal(each, pair) for name, each in costs.items()}
        found.append(Crossing(batch, oversample, ratios, surcharges, equals))
    return found


def _over(cost: Mapping[int, float], base: Mapping[int, float]) -> list[float]:
    """The ratio of each seed that both have."""
    return [value / base[seed] for seed, value in cost.items() if seed in base]


def _equal(costs: Costs, pair: tuple[int, int]) -> float:
    """`Crossing.equals` of one measure."""
    means = {key: float(np.mean(list(each.values()))) for key, each in costs.items()}
    batch, _ = pair
    if means[pair] <= means[batch, 1]:
        return batch
    return equal_batch(means[pair], means)


def equal_batch(cost: float, means: Mapping[tuple[int, int], float]) -> float:
    """The plain batch of that cost, between those measured; NaN beyond them.

    Args:
      cost: what is asked for.
      means: (batch, oversampling) to cost; batches between two are on the line.
    """
    plain = sorted((batch, x) for (batch, over), x in means.items() if over == 1)
    for (low, before), (high, after) in zip(plain, plain[1:]):
        if min(before, after) <= cost <= max(before, after) and before != after:
            return low + (high - low) * (cost - before) / (after - before)
    return float("nan")


def write(folder: pathlib.Path, config: BatchCostConfig) -> None:
    """Writes batch_cost.png and batch_cost.md from the rows of these settings."""
    options = config.batch_cost
    table = ResultsTable(folder / f"{study.NAME}.csv", study.KEY)
    common = study.settings_of(config) | {"updates": options.updates}
    rows = table.select(**common)
    costs = {name: _costs(rows, name) for name in MEASURES}
    _plot(costs, options.updates, folder / f"{study.NAME}.png")
    sections.write_section(
        folder / f"{study.NAME}.md", "Cost of a batch", _parts(costs, config)
    )
    print(f"{folder / study.NAME}.md, .png and .csv")


def _costs(rows: list[Row], name: str) -> Costs:
    costs: dict[tuple[int, int], dict[int, float]] = {}
    for row in rows:
        pair = int(row["batch_size"]), int(row["oversample"])
        costs.setdefault(pair, {})[int(row["seed"])] = float(row[name])
    return costs


def _parts(costs: dict[str, Costs], config: BatchCostConfig) -> list[str]:
    options, common = config.batch_cost, study.settings_of(config)
    parts = [
        "Asked: what a core-set of a large batch costs beside training on the large "
        "batch itself, and beside the plain small batch.",
        f"An update is one training step: {common['discriminator_steps']} of D and one "
        f"of G, data read, chosen and decoded by the training pipeline. A residual "
        f"{common['architecture']} of {common['resolution']} px with ch "
        f"{common['channel_multiplier']} on {common['dataset']} (repeated where the "
        "large batch is larger than the data set), core-sets "
        f"`{config.coreset.prior_method}` of latents and "
        f"`{config.coreset.coreset_method}` of data, on {common['cores']} CPU cores. "
        "Each line is of fresh processes; memory is the process's peak, TensorFlow's "
        "own included, and how far that lies above the peak before there were "
        "networks. Means, with 95% intervals (Student's) where "
        "there are several seeds.",
        f"![Seconds and memory]({study.NAME}.png)",
        _table(costs, options.updates),
    ]
    found = crossings(costs)
    if found:
        parts += [
            "## Core-set or larger batch",
            "Below 1 the core-set at B is cheaper than the plain batch it is chosen "
            "from. Both ratios are taken seed by seed. The equal batch is the plain "
            "one that costs the same, on a line between those measured; B where the "
            "core-set costs no more.",
            _crossing_table(found),
        ]
    return parts


def _table(costs: dict[str, Costs], updates: int) -> str:
    lines = []
    for batch, oversample in sorted(costs["seconds"]):
        cells = [
            shown(*mean_and_interval(costs[name][batch, oversample].values()), digits)
            for name, (_, digits) in MEASURES.items()
        ]
        count = len(costs["seconds"][batch, oversample])
        lines.append([batch, _name(oversample), count, *cells])
    heads = [text.format(updates) for text, _ in MEASURES.values()]
    return sections.table(["batch", "core-sets", "seeds", *heads], lines)


def _name(oversample: int) -> str:
    return "none" if oversample == 1 else f"{oversample}x"


def _crossing_table(found: list[Crossing]) -> str:
    lines = [
        [
            f"{one.batch_size} of {one.batch_size * one.oversample}",
            text.format("the"),
            shown(*mean_and_interval(one.ratios[name]), 2),
            shown(*mean_and_interval(one.surcharges[name])),
            _batch(one.equals[name]),
        ]
        for one in found
        for name, (text, _) in MEASURES.items()
    ]
    heads = ["core-set", "cost", "over the large batch", "over plain B, %"]
    heads += ["equal batch"]
    return sections.table(heads, lines)


def _batch(value: float) -> str:
    return "not measured" if np.isnan(value) else f"{value:.0f}"


def _plot(costs: dict[str, Costs], updates: int, path: pathlib.Path) -> None:
    figure, axes = sections.new_figure(len(PLOTTED), size=(4.2, 3.4))
    for ax, name in zip(axes[0], PLOTTED):
        each = costs[name]
        batches = sorted({batch for batch, _ in each})
        for number, oversample in enumerate(sorted({over for _, over in each})):
            pairs = [pair for pair in sorted(each) if pair[1] == oversample]
            stats = [mean_and_interval(each[pair].values()) for pair in pairs]
            ax.errorbar(
                [batch for batch, _ in pairs],
                [mean for mean, _ in stats],
                np.nan_to_num([interval for _, interval in stats]),
                fmt="o-",
                ms=4,
                capsize=3,
                color=sections.COLORS[number],
                label="plain" if oversample == 1 else f"core-sets {oversample}x",
            )
        ax.set_xscale("log", base=2)
        ax.set_xticks(batches, [str(batch) for batch in batches])
        ax.set_ylim(0, 1.08 * ax.dataLim.y1)
        ax.set_xlabel("batch", fontsize=9)
        ax.set_ylabel(MEASURES[name][0].format(updates), fontsize=9)
        ax.legend(fontsize=8, frameon=False)
    sections.save_figure(figure, path)
