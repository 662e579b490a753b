"""What a report shows."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_smallgan.evaluation.evaluator import Evaluation, Measure


@dataclasses.dataclass(frozen=True)
class Pair:
    """A sample beside the training image nearest to it, each [H, W, C] uint8.

    Attributes:
      distance: between their features.
    """

    sample: np.ndarray
    nearest: np.ndarray
    distance: float


@dataclasses.dataclass(frozen=True)
class Content:
    """What a report shows.

    Attributes:
      evaluations: one a truncation.
      facts: of what was scored.
      class_names: by label.
      sheets: [n, H, W, C] samples by class of `best`.
      truncated: [m, H, W, C] the same samples at each truncation.
      pairs: nearest neighbours.
      metrics: rows of metrics.jsonl.
    """

    title: str
    evaluations: Sequence[Evaluation]
    measures: Sequence[Measure]
    facts: dict[str, Any]
    class_names: Sequence[str]
    sheets: dict[int, np.ndarray]
    pairs: dict[str, list[Pair]]
    metrics: Sequence[dict[str, Any]]
    versions: dict[str, str]

    @property
    def best(self) -> Evaluation:
        """The evaluation with the least Frechet distance in the main space."""
        return best_of(self.evaluations, self.measures)


def best_of(
    evaluations: Sequence[Evaluation], measures: Sequence[Measure]
) -> Evaluation:
    """The least Frechet distance in the last space, which is the main one."""
    name = measures[-1].space.name

    def distance(evaluation: Evaluation) -> float:
        value = evaluation.scores[name].value_of("frechet_distance")
        assert value is not None
        return value

    return min(evaluations, key=distance)
