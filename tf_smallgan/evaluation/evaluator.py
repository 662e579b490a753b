"""Scores one generator at one truncation, in every feature space at hand."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_smallgan.distribution.strategy import whole_float32
from tf_smallgan.evaluation import classifier_score, frechet, kernel, manifold
from tf_smallgan.evaluation.features import Collected, Collector, FeatureSpace
from tf_smallgan.evaluation.manifold import Neighbors
from tf_smallgan.evaluation.reference import Reference
from tf_smallgan.sampling.generators import GeneratedImages, shuffled_labels

# The names that the field knows; they belong to the 2015 Inception network alone.
_KNOWN_NAMES = {
    "frechet_distance": "fid",
    "kernel_distance": "kid",
    "class_frechet_distance": "intra_fid",
    "score": "inception_score",
}


def count_name(count: int) -> str:
    """`10k` for 10,000, `200` for 200."""
    return f"{count // 1000}k" if count and count % 1000 == 0 else str(count)


def metric_name(
    space: FeatureSpace, quantity: str, count: int, suffix: str = ""
) -> str:
    """`fid_10k`, `classifier_frechet_distance_200`, `inception_recall_10k`."""
    if space.name == "inception" and quantity in _KNOWN_NAMES:
        base = _KNOWN_NAMES[quantity]
    else:
        base = f"{space.name}_{quantity}"
    return f"{base}_{count_name(count)}{suffix}"


@dataclasses.dataclass
class Scores:
    """The scores of one feature space.

    Attributes:
      space: whose.
      values: metric name to value.
      quantities: metric name to what it is without space and count, for instance
        "frechet_distance".
      notes: sentences on what was left out or needs care.
      nearest: the nearest of the reference's points to each sample's.
      class_distances: Frechet distance by class.
      class_accuracies: share of samples given the class asked for, by class.
    """

    space: FeatureSpace
    values: dict[str, float] = dataclasses.field(default_factory=dict)
    quantities: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    nearest: Neighbors | None = None
    class_distances: dict[int, float] = dataclasses.field(default_factory=dict)
    class_accuracies: dict[int, float] = dataclasses.field(default_factory=dict)

    def add(self, quantity: str, count: int, value: float, suffix: str = "") -> None:
        """Names a value by space, quantity and count, and keeps it."""
        name = metric_name(self.space, quantity, count, suffix)
        self.values[name] = value
        self.quantities[name] = quantity + suffix

    def add_plain(self, quantity: str, value: float) -> None:
        """Keeps a value that is named by its quantity alone."""
        self.values[quantity], self.quantities[quantity] = value, quantity

    def value_of(self, quantity: str) -> float | None:
        """The value of a quantity; None where it was not computed."""
        name = self.name_of(quantity)
        return None if name is None else self.values[name]

    def name_of(self, quantity: str) -> str | None:
        """The metric's name of a quantity; None where it was not computed."""
        names = [name for name, q in self.quantities.items() if q == quantity]
        return names[0] if names else None


def score(
    space: FeatureSpace, reference: Reference, samples: Collected, num_classes: int
) -> Scores:
    """Scores samples against a reference.

    Args:
      num_classes: K where the samples' labels are classes that were asked for, else
        0.
    """
    found = Scores(space)
    distance = frechet.frechet_distance(reference.gaussian, samples.moments.gaussian())
    found.add("frechet_distance", samples.count, distance)
    if samples.count <= space.dim:
        found.notes.append(
            f"{samples.count:,} samples are not more than the {space.dim:,} dimensions "
            f"of {space.name} features: the Frechet distance is right for these "
            "samples, and far above what many samples would give."
        )
    if samples.logits is None:
        found.notes.append(f"{space.name} weights have no logits layer: no score.")
    else:
        _add_logit_scores(found, samples.logits, samples.labels, num_classes)
    if reference.features is None:
        found.notes.append(
            f"{reference.path} holds mean and covariance alone: only the Frechet "
            "distance can be computed from it."
        )
    else:
        _add_point_scores(found, reference.features, samples.features)
        if num_classes:
            _add_class_distances(found, reference, samples)
    return found


def _add_logit_scores(
    found: Scores, logits: np.ndarray, labels: np.ndarray, num_classes: int
) -> None:
    value = classifier_score.classifier_score(logits)
    found.add("score", len(logits), value.value)
    found.add("score", len(logits), value.split_mean, "_10_parts_mean")
    found.add("score", len(logits), value.split_deviation, "_10_parts_deviation")
    if not found.space.knows_classes:
        return
    found.add_plain("classes_reached", classifier_score.classes_reached(logits))
    if num_classes:
        accuracy = classifier_score.conditional_accuracy(logits, labels)
        found.add_plain("conditional_accuracy", accuracy)
        found.class_accuracies = classifier_score.class_accuracies(logits, labels)


def _add_point_scores(found: Scores, real: np.ndarray, fake: np.ndarray) -> None:
    """Adds what needs single features rather than their mean and covariance."""
    count = len(fake)
    distance = kernel.kernel_distance(real, fake)
    found.add("kernel_distance", count, distance.value)
    found.add("kernel_distance", count, distance.standard_error, "_standard_error")
    _add_manifold(found, real, fake)
    copies = manifold.nearest_training_images(real, fake)
    found.add("nearest_training_ratio", count, copies.ratio)
    found.nearest = copies.nearest
    found.add("modes", count, manifold.modes_reached(real, fake))
    found.add("modes_possible", count, manifold.num_cells(len(real)))


def _add_manifold(found: Scores, real: np.ndarray, fake: np.ndarray) -> None:
    """On equally many of both, since the four depend on the numbers."""
    count = min(len(real), len(fake))
    if count <= manifold.DENSITY_K:
        found.notes.append(
            f"{count} images are too few for precision, recall, density and coverage."
        )
        return
    compared = manifold.compare_manifolds(real[:count], fake[:count])
    for quantity, value in compared._asdict().items():
        found.add(quantity, count, value)


def _add_class_distances(
    found: Scores, reference: Reference, samples: Collected
) -> None:
    assert reference.features is not None and reference.labels is not None
    found.class_distances = frechet.class_frechet_distances(
        reference.features, reference.labels, samples.features, samples.point_labels
    )
    if not found.class_distances:
        found.notes.append(
            f"No class has {frechet.LEAST_CLASS_POINTS} images on both sides: no "
            "Frechet distance by class."
        )
        return
    mean = float(np.mean(list(found.class_distances.values())))
    least = min(
        int((labels == label).sum())
        for labels in (reference.labels, samples.point_labels)
        for label in found.class_distances
    )
    found.notes.append(
        f"The distance by class is the mean over {len(found.class_distances)} classes, "
        f"of {least} images and more a class: comparable at the same numbers alone."
    )
    found.add("class_frechet_distance", len(samples.features), mean)


_BATCHES_AT_ONCE = 16
_KEPT_BYTES = 64 * 2**20

Report = Callable[[int, int], None]


class Measure(NamedTuple):
    """A feature space and the real images in it."""

    space: FeatureSpace
    reference: Reference


@dataclasses.dataclass
class Evaluation:
    """What was found at one truncation.

    Attributes:
      scores: by the feature space's name.
      images: [P, H, W, C] uint8, the first samples.
      labels: [N] int32, the classes asked for; all 0 without classes.
    """

    truncation: float
    num_samples: int
    num_classes: int
    scores: dict[str, Scores]
    images: np.ndarray
    labels: np.ndarray
    seconds: float

    def values(self) -> dict[str, float]:
        """All metrics of all spaces; their names do not collide."""
        merged: dict[str, float] = {}
        for scores in self.scores.values():
            merged |= scores.values
        return merged


@whole_float32()
def evaluate(
    source: GeneratedImages,
    measures: Sequence[Measure],
    *,
    truncation: float,
    num_samples: int,
    seed: int,
    strategy: tf.distribute.Strategy | None = None,
    report: Report = lambda done, total: None,
    label_shares: np.ndarray | None = None,
) -> Evaluation:
    """Draws samples once, embeds them in each space and scores them.

    Args:
      num_samples: with classes, of each as many as its share says, up to one.
      seed: of the labels' order; the source has its own for latents.
      strategy: whose replicas embed.
      report: progress, (images done, images in all).
      label_shares: [K], sum to 1; all alike where there are none.
    """
    start = time.monotonic()
    labels = shuffled_labels(num_samples, source.num_classes, seed, label_shares)
    collectors = [Collector(measure.space, strategy) for measure in measures]
    stream = source.images(labels, truncation)
    first = _First(_KEPT_BYTES)
    done = 0
    # No replica idles but in the last turn.
    replicas = strategy.num_replicas_in_sync if strategy else 1
    at_once = -(-_BATCHES_AT_ONCE // replicas) * replicas
    while batches := list(itertools.islice(stream, at_once)):
        for collector in collectors:
            collector.append(batches)
        for images, _ in batches:
            done += len(images)
            first.add(images)
        report(done, num_samples)
    collected = [collector.collected() for collector in collectors]
    return Evaluation(
        truncation=truncation,
        num_samples=num_samples,
        num_classes=source.num_classes,
        scores=_score_all(measures, collected, source.num_classes),
        images=np.concatenate(first.batches),
        labels=labels,
        seconds=time.monotonic() - start,
    )


class _First:
    """The first batches, at least one, of no more bytes than `most`."""

    def __init__(self, most: int):
        self.batches: list[np.ndarray] = []
        self._left = most
        self._full = False

    def add(self, images: np.ndarray) -> None:
        """Keeps `images` while all before them were kept: sample i stays at i."""
        self._full |= bool(self.batches) and images.nbytes > self._left
        if not self._full:
            self.batches.append(images)
            self._left -= images.nbytes


def _score_all(
    measures: Sequence[Measure], collected: Sequence[Collected], num_classes: int
) -> dict[str, Scores]:
    return {
        space.name: score(space, reference, samples, num_classes)
        for (space, reference), samples in zip(measures, collected)
    }


def describe(
    evaluation: Evaluation, measures: Sequence[Measure], facts: dict[str, Any]
) -> dict[str, Any]:
    """A JSON object of the scores with everything that makes them comparable.

    Args:
      facts: of what was scored: workdir or export, step, seed and so on.
    """
    return {
        **facts,
        "truncation": evaluation.truncation,
        "num_samples": evaluation.num_samples,
        "num_classes": evaluation.num_classes,
        "seconds": round(evaluation.seconds, 3),
        "spaces": {
            space.name: {
                **space.facts(),
                "accuracy_on_held_out_images": space.accuracy,
                "reference": {
                    **reference.facts,
                    "count": reference.count,
                    "file": reference.path,
                },
                **_scores_object(evaluation.scores[space.name]),
            }
            for space, reference in measures
        },
    }


def _scores_object(scores: Scores) -> dict[str, Any]:
    return {
        "metrics": {name: float(value) for name, value in scores.values.items()},
        "class_frechet_distances": scores.class_distances,
        "class_accuracies": scores.class_accuracies,
        "notes": scores.notes,
    }
