"""Curves over steps and wall time, by hand."""

import math

import numpy as np

from experiments.common import curves
from experiments.common.curves import Point
from experiments.image_quality.report import curves_of, fid_curves, shares

DISTANCE = "classifier_frechet_distance_100"


def test_wall_time_adds_up_the_logged_rates():
    metrics = [
        {"step": 10, "images_per_second": 8.0},  # 10 steps of 4 images: 5 s.
        {"step": 10, DISTANCE: 50.0, "conditional_accuracy": 0.1},
        {"step": 20, "images_per_second": 4.0},  # 10 s more.
        {"step": 25, DISTANCE: 30.0},
        {"step": 30, "images_per_second": 2.0},  # 20 s more.
        {"step": 30, DISTANCE: "nan"},
        {"step": 40, DISTANCE: 1.0},  # When that was, nobody knows yet.
    ]
    steps, seconds = curves.wall_seconds(metrics, batch_size=4)
    np.testing.assert_array_equal(steps, [0, 10, 20, 30])
    np.testing.assert_allclose(seconds, [0, 5, 15, 35])
    points = curves.points(metrics, batch_size=4)
    assert [(p.step, p.seconds) for p in points] == [(10, 5), (25, 25), (30, 35)]
    assert [p.images_per_second for p in points] == [8, 6, 4]
    assert points[0].conditional_accuracy == 0.1
    assert math.isnan(points[2].distance)
    assert curves.scored_steps(metrics) == {10, 25, 30, 40}


def curve(*pairs):
    """A score a minute, each with its step."""
    return [
        Point(step, distance, 0.5, 60.0 * (1 + minute), 10.0)
        for minute, (step, distance) in enumerate(pairs)
    ]


def test_time_to_reach_a_distance():
    falling = curve((1, 9.0), (2, math.nan), (3, 4.0), (4, 5.0), (5, 3.0))
    assert curves.time_to_reach(falling, 4.0).step == 3
    assert curves.time_to_reach(falling, 3.5).step == 5
    assert curves.time_to_reach(falling, 2.9) is None
    assert curves.least(falling).step == 5


def test_shares_of_plains_time():
    found = {
        "plain": {0: curve((10, 8.0), (20, 6.0), (30, 7.0)), 1: curve((10, 3.0))},
        "k_center_4x": {
            0: curve((5, 6.0), (10, 2.0)),  # Minute 1 of 2, step 5 of 20.
            1: curve((10, 3.1)),
            2: curve((10, 1.0)),  # Plain has no such seed.
        },
    }
    assert shares(found, "k_center_4x") == [(0.5, 0.25), None]
    assert shares(found, "plain") == [(1.0, 1.0), (1.0, 1.0)]
    assert shares({"k_center_4x": found["k_center_4x"]}, "k_center_4x") == []


def test_fid_takes_its_time_from_the_curve():
    row = {
        **{"arm": "plain", "seed": "0", "settings": "s", "conditional_accuracy": "1"},
        **{"images_per_second": "5"},
    }
    rows = [
        row | {"step": "20", "frechet_distance": "4", "wall_seconds": "200"},
        row | {"step": "3", "frechet_distance": "9", "wall_seconds": "30"},
    ]
    found = curves_of(rows)
    assert [p.step for p in found["plain"][0]] == [3, 20]
    fids = [row | {"step": "20", "frechet_distance": "77", "num_samples": "50"}]
    (point,) = fid_curves(fids, found)["plain"][0]
    assert (point.step, point.distance, point.seconds) == (20, 77.0, 200.0)
