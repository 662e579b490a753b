"""Curves out of the tables of image quality, and times to plain's least distance."""

import math
from collections.abc import Sequence

import numpy as np

from tf_smallgan.experiments import curves
from tf_smallgan.experiments.arms import ARMS, SIZED_ARMS
from tf_smallgan.experiments.curves import Point
from tf_smallgan.experiments.results import Row

Curves = dict[str, dict[int, list[Point]]]
"""By arm and seed."""

BASE = "plain"


def curves_of(rows: list[Row]) -> Curves:
    """Curves of the rows, arms in the order in which they are listed."""
    found: Curves = {}
    for name in SIZED_ARMS | ARMS:
        for row in sorted(rows, key=lambda row: int(row["step"])):
            if row["arm"] == name:
                by_seed = found.setdefault(name, {})
                by_seed.setdefault(int(row["seed"]), []).append(_point(row))
    return found


def _point(row: Row) -> Point:
    return Point(
        step=int(row["step"]),
        distance=float(row["frechet_distance"]),
        conditional_accuracy=float(row["conditional_accuracy"]),
        seconds=float(row["wall_seconds"]),
        images_per_second=float(row["images_per_second"]),
    )


def shares(found: Curves, arm: str) -> list[tuple[float, float] | None]:
    """For each seed that plain has too: (wall time, steps) over plain's, to its least.

    What is timed is the way to the least distance that plain ever has with that seed;
    None where the arm never has it.
    """
    results: list[tuple[float, float] | None] = []
    for seed, curve in found[arm].items():
        base = found.get(BASE, {}).get(seed)
        if not base or not is_finite(base):
            continue
        goal = curves.least(base)
        point = curves.time_to_reach(curve, goal.distance)
        results.append(
            (point.seconds / goal.seconds, point.step / goal.step) if point else None
        )
    return results


def is_finite(curve: Sequence[Point]) -> bool:
    """Whether any of its distances is a number."""
    return any(not math.isnan(point.distance) for point in curve)


def fid_curves(rows: list[Row], found: Curves) -> Curves:
    """The scored checkpoints as curves, with the wall time of their steps.

    Between two scores in the classifier's features the time is interpolated. A
    checkpoint after the last of them, or of a run without one, is left out.
    """
    scored: list[Row] = []
    for row in rows:
        curve = found.get(row["arm"], {}).get(int(row["seed"]), [])
        step = int(row["step"])
        if not curve or step > curve[-1].step:
            continue
        steps, seconds = zip((0, 0.0), *((p.step, p.seconds) for p in curve))
        unknown = dict.fromkeys(("images_per_second", "conditional_accuracy"), "nan")
        scored.append(row | unknown | {"wall_seconds": np.interp(step, steps, seconds)})
    return curves_of(scored)
