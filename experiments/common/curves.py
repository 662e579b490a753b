"""Curves of a run out of its metrics.jsonl: scores over steps and over wall time.

Wall time is that of training alone, added up from images_per_second: a rate is
measured over the steps since the last line and holds no compiling, logging, saving,
sampling or scoring. Lines of steps that a kill undid are dropped when the run goes on,
and come again as those steps do: sittings add up, and no step counts twice. A clock of
the whole process would do neither.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

_DISTANCE = "classifier_frechet_distance_"
_RATE = "images_per_second"


@dataclasses.dataclass(frozen=True)
class Point:
    """A score on the way.

    Attributes:
      step: after which it was taken.
      distance: Frechet distance in the classifier's features; NaN where the score
        was not finite.
      conditional_accuracy: share of samples given the class that was asked for.
      seconds: of training up to that step.
      images_per_second: median of the lines up to that step.
    """

    step: int
    distance: float
    conditional_accuracy: float
    seconds: float
    images_per_second: float


def wall_seconds(
    metrics: Iterable[dict[str, Any]], batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Steps [L], rising from 0, and the seconds [L] that training took up to each.

    Args:
      metrics: rows of metrics.jsonl.
      batch_size: images a step.
    """
    steps, seconds = [0], [0.0]
    for row in metrics:
        if _RATE in row:
            images = (row["step"] - steps[-1]) * batch_size
            seconds.append(seconds[-1] + images / row[_RATE])
            steps.append(row["step"])
    return np.array(steps), np.array(seconds)


def points(metrics: Sequence[dict[str, Any]], batch_size: int) -> list[Point]:
    """The scores up to the last step whose time is known, in the order of steps."""
    steps, seconds = wall_seconds(metrics, batch_size)
    found = []
    for row in metrics:
        name = _distance_in(row)
        if name is None or row["step"] > steps[-1]:
            continue
        found.append(
            Point(
                step=row["step"],
                distance=float(row[name]),  # "nan" is text in JSON.
                conditional_accuracy=float(row.get("conditional_accuracy", "nan")),
                seconds=float(np.interp(row["step"], steps, seconds)),
                images_per_second=median_rate(
                    past for past in metrics if past["step"] <= row["step"]
                ),
            )
        )
    return found


def median_rate(metrics: Iterable[dict[str, Any]]) -> float:
    """The median of what was logged as images_per_second; NaN where nothing was."""
    rates = [row[_RATE] for row in metrics if _RATE in row]
    return float(np.median(rates)) if rates else math.nan


def scored_steps(metrics: Iterable[dict[str, Any]]) -> set[int]:
    """The steps after which a run was scored."""
    return {row["step"] for row in metrics if _distance_in(row) is not None}


def _distance_in(row: dict[str, Any]) -> str | None:
    return next((name for name in row if name.startswith(_DISTANCE)), None)


def least(curve: Sequence[Point]) -> Point:
    """The first point of least distance; NaNs are passed over."""
    return min(
        (point for point in curve if not math.isnan(point.distance)),
        key=lambda point: point.distance,
    )


def time_to_reach(curve: Sequence[Point], target: float) -> Point | None:
    """The first point at or under a distance; None where none is."""
    return next((point for point in curve if point.distance <= target), None)
