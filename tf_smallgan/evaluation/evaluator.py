"""Scores one generator at one truncation, in every feature space at hand."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_smallgan.evaluation.features import Collected, Collector, FeatureSpace
from tf_smallgan.evaluation.reference import Reference
from tf_smallgan.evaluation.scoring import Scores, score
from tf_smallgan.evaluation.supply import Supply, shuffled_labels
from tf_smallgan.tensor_float import whole_float32

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
    supply: Supply,
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
      seed: of the labels' order; the supply has its own for latents.
      strategy: whose replicas embed.
      report: progress, (images done, images in all).
      label_shares: [K], sum to 1; all alike where there are none.
    """
    start = time.monotonic()
    labels = shuffled_labels(num_samples, supply.num_classes, seed, label_shares)
    collectors = [Collector(measure.space, strategy) for measure in measures]
    stream = supply.images(labels, truncation)
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
        num_classes=supply.num_classes,
        scores=_score_all(measures, collected, supply.num_classes),
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
