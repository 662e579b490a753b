"""Plot and section of what batches and core-sets cost."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from tf_smallgan.config import Config
from tf_smallgan.experiments import batch_cost, sections
from tf_smallgan.experiments.results import (
    ResultsTable,
    Row,
    mean_and_interval,
    shown,
)

# (batch size, oversampling) -> values of its seeds.
Costs = Mapping[tuple[int, int], list[float]]
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
        batch; below 1 the core-set is the cheaper one.
      surcharges: by measure, the cost of the core-set at B over plain's at B, less 1.
      equals: by measure, the plain batch that costs as much as the core-set at B.
    """

    batch_size: int
    oversample: int
    ratios: dict[str, float]
    surcharges: dict[str, float]
    equals: dict[str, float]


def crossings(costs: Mapping[str, Costs]) -> list[Crossing]:
    """Every core-set whose large batch was measured plain too.

    Args:
      costs: by measure.
    """
    measured = next(iter(costs.values()))
    found = []
    for batch, oversample in sorted(measured):
        large, small = (batch * oversample, 1), (batch, 1)
        if oversample == 1 or large not in measured or small not in measured:
            continue
        means = {
            name: {pair: float(np.mean(values)) for pair, values in each.items()}
            for name, each in costs.items()
        }
        own = {name: each[batch, oversample] for name, each in means.items()}
        found.append(
            Crossing(
                batch,
                oversample,
                {name: own[name] / means[name][large] for name in own},
                {name: own[name] / means[name][small] - 1 for name in own},
                {name: equal_batch(own[name], means[name]) for name in own},
            )
        )
    return found


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


def write(folder: pathlib.Path, config: Config) -> None:
    """Writes batch_cost.png and batch_cost.md from the rows of these settings."""
    options = config.batch_cost
    assert options is not None
    table = ResultsTable(folder / f"{batch_cost.NAME}.csv", batch_cost.KEY)
    common = batch_cost.settings_of(config) | {"updates": options.updates}
    rows = table.select(**common)
    costs = {name: _costs(rows, name) for name in MEASURES}
    _plot(costs, options.updates, folder / f"{batch_cost.NAME}.png")
    sections.write_section(
        folder / f"{batch_cost.NAME}.md", "Cost of a batch", _parts(costs, config)
    )
    print(f"{folder / batch_cost.NAME}.md, .png and .csv")


def _costs(rows: list[Row], name: str) -> Costs:
    costs: dict[tuple[int, int], list[float]] = {}
    for row in rows:
        pair = int(row["batch_size"]), int(row["oversample"])
        costs.setdefault(pair, []).append(float(row[name]))
    return costs


def _parts(costs: dict[str, Costs], config: Config) -> list[str]:
    options, common = config.batch_cost, batch_cost.settings_of(config)
    assert options is not None
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
        f"![Seconds and memory]({batch_cost.NAME}.png)",
        _table(costs, options.updates),
    ]
    found = crossings(costs)
    if found:
        parts += [
            "## Core-set or larger batch",
            "Below 1 the core-set at B is cheaper than the plain batch it is chosen "
            "from. The equal batch is the plain one that costs the same, on a line "
            "between those measured.",
            _crossing_table(found),
        ]
    return parts


def _table(costs: dict[str, Costs], updates: int) -> str:
    lines = []
    for batch, oversample in sorted(costs["seconds"]):
        cells = [
            shown(*mean_and_interval(costs[name][batch, oversample]), digits)
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
            f"{one.ratios[name]:.2f}",
            f"{one.surcharges[name]:+.0%}",
            _batch(one.equals[name]),
        ]
        for one in found
        for name, (text, _) in MEASURES.items()
    ]
    heads = ["core-set", "cost", "over the large batch", "over plain B", "equal batch"]
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
            stats = [mean_and_interval(each[pair]) for pair in pairs]
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
