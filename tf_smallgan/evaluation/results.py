"""How scores are named and written: terminal lines, JSON records, truncation sweeps."""

import csv
import json
import math
import os
import pathlib
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from tf_smallgan.evaluation.evaluator import Evaluation, Measure
from tf_smallgan.evaluation.features import FeatureSpace
from tf_smallgan.files import replacing
from tf_smallgan.workdir import SCORES_FILE


class Quantity(NamedTuple):
    """A quantity in words.

    Attributes:
      better: "less", "more", "near 1" or "" where it is neither.
    """

    label: str
    meaning: str
    better: str


QUANTITIES: dict[str, Quantity] = {
    "frechet_distance": Quantity(
        "Frechet distance",
        "Between normal distributions fitted to the features of real and generated "
        "images; grows as samples get fewer.",
        "less",
    ),
    "kernel_distance": Quantity(
        "Kernel distance", "Maximum mean discrepancy, cubic kernel; unbiased.", "less"
    ),
    "kernel_distance_standard_error": Quantity(
        "Kernel distance, standard error", "Of the estimate above.", ""
    ),
    "class_frechet_distance": Quantity(
        "Frechet distance by class", "Mean over classes of each class's own.", "less"
    ),
    "score": Quantity(
        "Score",
        "Whether single images are of one class for sure and all together are of all; "
        "at most the number of classes.",
        "more",
    ),
    "score_10_parts_mean": Quantity(
        "Score, mean of ten parts", "As papers print it.", "more"
    ),
    "score_10_parts_deviation": Quantity(
        "Score, deviation of ten parts", "Of the parts, not of their mean.", ""
    ),
    "conditional_accuracy": Quantity(
        "Conditional accuracy",
        "Share of samples that the classifier gives the class that was asked for.",
        "more",
    ),
    "classes_reached": Quantity(
        "Classes reached", "Classes that the classifier gives to some sample.", "more"
    ),
    "precision": Quantity(
        "Precision", "Share of samples that lie among the real images.", "more"
    ),
    "recall": Quantity(
        "Recall", "Share of real images that lie among the samples.", "more"
    ),
    "density": Quantity(
        "Density", "How densely real images surround samples; about 1 is even.", "more"
    ),
    "coverage": Quantity(
        "Coverage", "Share of real images with a sample in their vicinity.", "more"
    ),
    "nearest_training_ratio": Quantity(
        "Distance to training images",
        "Over that between training images; near 0 means copies.",
        "near 1",
    ),
    "modes": Quantity(
        "Modes reached", "Cells of the real images that hold a sample.", "more"
    ),
    "modes_possible": Quantity("Modes in all", "Cells of the real images.", ""),
}

KEY_QUANTITIES = (
    "frechet_distance",
    "score",
    "conditional_accuracy",
    "precision",
    "recall",
    "coverage",
)
"""The ones to look at first."""


def append_record(folder: pathlib.Path, record: dict[str, Any]) -> pathlib.Path:
    """Adds a line to FOLDER/scores.jsonl; NaN is written as null."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SCORES_FILE
    line = json.dumps(_without_nan(record), allow_nan=False) + "\n"
    with path.open("a+b") as file:
        # A line that a kill tore stays alone.
        torn = file.seek(0, os.SEEK_END) and not _ends_a_line(file)
        file.write(("\n" * bool(torn) + line).encode())
    return path


def _ends_a_line(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def lines(
    evaluation: Evaluation, measures: Sequence[Measure], facts: dict[str, Any]
) -> list[str]:
    """The scores for people, each with its settings."""
    text = [f"{title(evaluation, facts)}"]
    for space, reference in measures:
        scores = evaluation.scores[space.name]
        images = (
            "an unknown number of"
            if reference.count is None
            else (f"{reference.count:,}")
        )
        source = reference.facts.get("dataset") or reference.path
        text.append(
            f"  {space.name} features ({space.dim:,} dimensions, weights "
            f"{space.hash[:16]}) against {images} images of {source}"
        )
        width = max(map(len, scores.values))
        for name, value in scores.values.items():
            text.append(f"    {name:{width}}  {number(value)}")
        if "conditional_accuracy" in scores.values:
            text.append(f"    {accuracy_sentence(evaluation, space.name)}")
            if space.accuracy is not None:
                text.append(
                    f"    (the classifier is right on {space.accuracy:.1%} of held-out "
                    "real images)"
                )
        text.extend(f"    Note: {note}" for note in scores.notes)
    return text


def title(evaluation: Evaluation, facts: dict[str, Any]) -> str:
    """What was scored, in a line."""
    batch_norm = facts["bn"]
    if facts.get("standing_batches"):
        batch_norm += f" ({facts['standing_batches']} batches)"
    what = (
        f"step {facts['step']:,}"
        if "step" in facts
        else f"{facts['export']} (step {facts['exported_step']:,})"
    )
    weights = "EMA" if facts["ema"] else "trained"
    return (
        f"{what}, {weights} weights, truncation {evaluation.truncation:g} by rule "
        f"{facts['truncation_rule']}, batch norm {batch_norm}, "
        f"{evaluation.num_samples:,} samples, "
        + "labels as often as in the data, " * (facts.get("labels") == "data")
        + f"{evaluation.seconds:.1f} s"
    )


def accuracy_sentence(evaluation: Evaluation, space: str) -> str:
    """Conditional accuracy with how many samples of each class it was taken over."""
    share = evaluation.scores[space].values["conditional_accuracy"]
    counts = np.bincount(evaluation.labels, minlength=evaluation.num_classes)
    least, most = counts.min(), counts.max()
    between = "or" if most == least + 1 else "to"
    count = f"{least:,} {between} {most:,}" if most > least else f"{most:,}"
    return (
        f"conditional accuracy {share:.1%} of {evaluation.num_samples:,} samples, "
        f"{count} a class"
    )


def number(value: float) -> str:
    """Six digits; whole numbers whole."""
    if value == int(value) if math.isfinite(value) else False:
        return f"{int(value):,}"
    return f"{value:.6g}"


_INK, _MARK, _OTHER = "#1f3b57", "#c8553d", "#3f7d58"


class Curve(NamedTuple):
    """One feature space's sweep.

    Attributes:
      truncations: [T], rising.
      distances: [T] Frechet distances, less is better.
      fidelities: [T], more is better.
      distance_name, fidelity_name: their metrics' names.
    """

    truncations: np.ndarray
    distances: np.ndarray
    fidelities: np.ndarray
    distance_name: str
    fidelity_name: str

    @property
    def best_distance(self) -> int:
        """Row of the least Frechet distance."""
        return int(self.distances.argmin())

    @property
    def best_fidelity(self) -> int:
        """Row of the highest score."""
        return int(self.fidelities.argmax())


def curve_of(evaluations: Sequence[Evaluation], space: FeatureSpace) -> Curve | None:
    """The curve in one space; None where only a Frechet distance is known.

    Fidelity is the score where the network has logits, else precision.
    """
    ordered = sorted(evaluations, key=lambda evaluation: evaluation.truncation)
    scores = [evaluation.scores[space.name] for evaluation in ordered]
    distance = scores[0].name_of("frechet_distance")
    fidelity = scores[0].name_of("score") or scores[0].name_of("precision")
    if distance is None or fidelity is None:
        return None
    return Curve(
        np.array([evaluation.truncation for evaluation in ordered]),
        np.array([row.values[distance] for row in scores]),
        np.array([row.values[fidelity] for row in scores]),
        distance,
        fidelity,
    )


def write_table(path: pathlib.Path, evaluations: Sequence[Evaluation]) -> None:
    """All metrics as CSV, a row a truncation, rising."""
    ordered = sorted(evaluations, key=lambda evaluation: evaluation.truncation)
    names = list(ordered[0].values())
    with replacing(path) as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["truncation", "num_samples", *names])
        for evaluation in ordered:
            values = evaluation.values()
            cells = [repr(float(values[name])) for name in names]
            writer.writerow([evaluation.truncation, evaluation.num_samples, *cells])


def draw(path: pathlib.Path, curve: Curve, subtitle: str) -> None:
    """Draws the curve as PNG."""
    # The object interface: no window system, no global figure.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    axes.set_title(f"Truncation sweep\n{subtitle}", fontsize=10)
    axes.grid(alpha=0.25)
    plot(axes, curve)
    with replacing(path, ".png") as partial:
        figure.savefig(partial, dpi=150)


def plot(axes: Any, curve: Curve) -> None:
    """Draws the curve on Matplotlib axes and marks its best points."""
    axes.plot(curve.fidelities, curve.distances, "-o", color=_INK, markersize=4)
    for row, truncation in enumerate(curve.truncations):
        axes.annotate(
            f"{truncation:g}",
            (curve.fidelities[row], curve.distances[row]),
            # Below to the right: the curve rises to the right.
            xytext=(7, -13),
            textcoords="offset points",
            fontsize=8,
            color="#555555",
        )
    _mark(axes, curve, curve.best_distance, "s", _MARK, "least distance")
    _mark(axes, curve, curve.best_fidelity, "D", _OTHER, "best fidelity")
    axes.margins(0.12)
    axes.set_xlabel(f"{curve.fidelity_name}  (more is better)", fontsize=9)
    axes.set_ylabel(f"{curve.distance_name}\n(less is better)", fontsize=9)
    axes.legend(frameon=False, fontsize=8, labelspacing=1.2)


def _mark(
    axes: Any, curve: Curve, row: int, marker: str, color: str, what: str
) -> None:
    axes.plot(
        curve.fidelities[row],
        curve.distances[row],
        marker,
        markersize=12,
        markerfacecolor="none",
        markeredgewidth=2,
        color=color,
        label=f"{what}: truncation {curve.truncations[row]:g}",
    )
