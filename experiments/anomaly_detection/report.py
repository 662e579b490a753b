"""Plot and section of anomaly detection."""

import collections
import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.anomaly_detection import study
from experiments.anomaly_detection.flags import AnomalyDetectionConfig
from experiments.common import sections
from experiments.common.arms import ARMS
from experiments.common.results import (
    ResultsTable,
    Row,
    flag_values,
    mean_and_interval,
    shown,
)

# Kumar et al. 2019, by MNIST's digits.
PUBLISHED = {1: 0.281, 4: 0.401, 5: 0.402, 7: 0.290, 9: 0.342}


@dataclasses.dataclass(frozen=True)
class Measure:
    """One way to weigh anomalies: its columns and what it is called."""

    name: str
    chance: str
    title: str


MEASURES = (
    Measure("auprc", "share", "anomalies at their share of the test images"),
    Measure(
        "auprc_published_share",
        "published_share",
        "anomalies at their share in the published code's test set",
    ),
)

# (arm, anomaly) -> seed -> the mean over a run's scored epochs.
Scores = dict[tuple[str, int], dict[int, float]]


def write(folder: pathlib.Path, config: AnomalyDetectionConfig) -> None:
    """Writes anomaly_detection.png and .md from the rows of these settings."""
    name = study.NAME
    table = ResultsTable(folder / f"{name}.csv", study.KEY)
    rows = table.select(**flag_values(config, study.SETTINGS))
    published = PUBLISHED if config.data.dataset.split(":")[0] == "mnist" else {}
    _plot(rows, published, folder / f"{name}.png")
    sections.write_section(
        folder / f"{name}.md", "Anomaly detection", _parts(rows, published, config)
    )
    print(f"{folder / name}.md, .png and .csv")


def scores_of(rows: Sequence[Row], name: str) -> Scores:
    """The mean over the scored epochs of each run."""
    values = collections.defaultdict(list)
    for row in rows:
        run = row["arm"], int(row["anomaly"]), int(row["seed"])
        values[run].append(float(row[name]))
    scores: Scores = {}
    for (arm, anomaly, seed), each in values.items():
        scores.setdefault((arm, anomaly), {})[seed] = float(np.mean(each))
    return scores


def gains(scores: Scores, arm: str, over: str = "plain") -> list[float]:
    """An arm's score less another's: of each anomaly the mean over seeds of both.

    Seeds of one anomaly share what is particular to it, so that they are not so many
    observations more.
    """
    found = []
    for (name, anomaly), seeds in scores.items():
        base = scores.get((over, anomaly), {})
        both = [score - base[seed] for seed, score in seeds.items() if seed in base]
        if name == arm and both:
            found.append(float(np.mean(both)))
    return found


def _arms(scores: Scores) -> list[str]:
    present = {arm for arm, _ in scores}
    return [name for name in ARMS if name in present]


def _anomalies(scores: Scores) -> list[int]:
    return sorted({anomaly for _, anomaly in scores})


def _chances(rows: Sequence[Row], column: str) -> dict[int, float]:
    return {int(row["anomaly"]): float(row[column]) for row in rows}


def _parts(
    rows: Sequence[Row], published: dict[int, float], config: AnomalyDetectionConfig
) -> list[str]:
    options, training = config.anomaly_detection, config.training
    parts = [
        "Asked: does a core-set help a maximum-entropy energy-based model (MEG, Kumar "
        "et al. 2019) to find a class that it was not trained on? Each class in turn "
        "is left out of training, and the energy of a test image is its score.",
        f"`{config.data.dataset}` at {config.data.resolution} px, perceptrons of two "
        f"hidden layers for energy, generator and statistics, {training.train_steps:,} "
        f"updates of batch {training.batch_size}. Area under the precision-recall "
        f"curve (average precision), the mean over the last {options.scored_epochs} "
        "epochs; then mean and 95% interval (Student's) over seeds.",
        "The area depends on how many of the images are anomalies, and so does its "
        "chance level, which is that share. The test set of MEG's published code is a "
        "fifth of all images of the other classes and every image of the anomaly, "
        "about a third of the set; the second table gives anomalies that weight.",
        f"![Areas of each class]({study.NAME}.png)",
    ]
    if published:
        parts.insert(-1, _of_published(rows, published))
    for measure in MEASURES:
        parts += [f"## With {measure.title}", _table(rows, measure, published)]
    return parts


def _of_published(rows: Sequence[Row], published: dict[int, float]) -> str:
    """What the published values may be compared with."""
    chances = _chances(rows, MEASURES[1].chance)
    below = [str(a) for a in sorted(chances) if published.get(a, 1) < chances[a]]
    text = (
        "MEG's published values are of convolutions trained for 55 epochs. Whether "
        "they were computed on the published code's test set is not certain"
    )
    if below:
        text += f": for {', '.join(below)} they lie below what chance gives there"
    return text + "."


def _table(rows: Sequence[Row], measure: Measure, published: dict[int, float]) -> str:
    scores, chances = scores_of(rows, measure.name), _chances(rows, measure.chance)
    arms = _arms(scores)
    lines: list[list[Any]] = []
    for anomaly in _anomalies(scores):
        seeds = [len(scores.get((arm, anomaly), ())) for arm in arms]
        cells = [
            shown(*mean_and_interval(scores.get((arm, anomaly), {}).values()), 3)
            for arm in arms
        ]
        known = [published.get(anomaly, "")] if published else []
        lines.append([anomaly, max(seeds), *cells, *known, f"{chances[anomaly]:.3f}"])
    more = [gains(scores, arm) if arm != "plain" else [] for arm in arms]
    cells = [shown(*mean_and_interval(gain), 3) if gain else "" for gain in more]
    what = "over plain, paired; interval over classes"
    lines.append([what, "", *cells, *([""] if published else []), ""])
    heads = [f"`{arm}`" for arm in arms]
    meg = ["MEG, published"] if published else []
    return sections.table(["anomaly", "seeds", *heads, *meg, "chance"], lines)


def _plot(rows: Sequence[Row], published: dict[int, float], path: pathlib.Path) -> None:
    figure, axes = sections.new_figure(1, len(MEASURES), (8, 3.4))
    for ax, measure in zip(axes[:, 0], MEASURES):
        scores, chances = scores_of(rows, measure.name), _chances(rows, measure.chance)
        arms, anomalies = _arms(scores), _anomalies(scores)
        for number, arm in enumerate(arms):
            places = np.arange(len(anomalies)) + 0.6 * (
                (number + 0.5) / len(arms) - 0.5
            )
            values = [list(scores.get((arm, a), {}).values()) for a in anomalies]
            stats = [mean_and_interval(each) for each in values]
            ax.errorbar(
                places,
                [mean for mean, _ in stats],
                np.nan_to_num([interval for _, interval in stats]),
                fmt="o",
                ms=4,
                capsize=2,
                color=sections.COLORS[number],
                label=arm,
            )
        _mark(ax, anomalies, chances, ":", "#5a6878", "chance")
        _mark(ax, anomalies, published, "-", "black", "MEG, published")
        ax.set_xticks(range(len(anomalies)), [str(a) for a in anomalies])
        ax.set_xlim(-0.6, len(anomalies) - 0.4)
        # An interval may go beyond 1, an area does not.
        ax.set_ylim(0, min(1.0, 1.08 * ax.dataLim.y1))
        ax.set_xlabel("class left out", fontsize=9)
        ax.set_ylabel("area under the curve", fontsize=9)
        ax.set_title(measure.title, fontsize=9)
        ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    sections.save_figure(figure, path)


def _mark(ax, anomalies, values, style: str, color: str, label: str) -> None:
    """A short line at each class that has a value."""
    marked = [(i, values[a]) for i, a in enumerate(anomalies) if a in values]
    if marked:
        places, heights = np.array(marked).T
        ax.hlines(
            heights,
            places - 0.4,
            places + 0.4,
            linestyles=style,
            colors=color,
            lw=1.5,
            label=label,
        )
