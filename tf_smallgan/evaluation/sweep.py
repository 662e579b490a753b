"""The truncation sweep: fidelity against variety, as table and picture.

As in BigGAN's figure of the two: the Frechet distance (it punishes lost variety)
over a score of fidelity, one point a truncation, with the best of each marked.
"""

import csv
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tf_smallgan.atomic import replacing
from tf_smallgan.evaluation.evaluator import Evaluation
from tf_smallgan.evaluation.features import FeatureSpace

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
