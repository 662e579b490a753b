"""Grids of Gaussians and what covers them, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from experiments.gaussian_grid.mixtures import GaussianGrid
from tf_smallgan.errors import InputError


def test_centres_and_reach():
    grid = GaussianGrid(9)
    line = {-2.0, 0.0, 2.0}
    assert {tuple(c) for c in grid.centres} == {(a, b) for a in line for b in line}
    assert grid.reach == 3


def test_samples_follow_the_seed_and_the_mixture():
    grid = GaussianGrid(4)
    points = grid.sample(20_000, tf.constant([1, 2])).numpy()
    np.testing.assert_array_equal(points, grid.sample(20_000, tf.constant([1, 2])))
    # Of the centres, -1 and 1, and 0.05^2 around them.
    assert points.var(axis=0) == pytest.approx(1 + 0.0025, rel=0.01)
    cover = grid.score(points)
    assert cover.modes_recovered == 4
    # Within 4 deviations in the plane: 1 - exp(-8).
    assert cover.high_quality_share == pytest.approx(1 - np.exp(-8), abs=1e-3)
    assert cover.imbalance == pytest.approx(0, abs=1e-3)


def test_cover_by_hand():
    grid = GaussianGrid(9)
    points = [
        [0, 0],
        [0.19, 0],  # Within 0.2 of the middle.
        [0.21, 0],  # Not.
        [2, 2.1],
        [1, 1],  # Between modes.
        [50, 0],  # Far outside.
        [np.nan, 0],
        [-2, 2],
    ]
    cover = grid.score(np.array(points))
    assert cover.modes_recovered == 3
    assert cover.high_quality_share == 4 / 8
    shares = np.array([2, 1, 1]) / 4
    assert cover.imbalance == pytest.approx(np.sum(shares * np.log(shares * 9)))


def test_nearest_centres_are_those_of_brute_force():
    grid = GaussianGrid(25)
    points = np.random.default_rng(0).uniform(-5, 5, (5000, 2))
    distances = np.linalg.norm(points[:, None] - grid.centres, axis=2)
    close = distances.min(axis=1) <= 4 * 0.05
    cover = grid.score(points)
    assert cover.high_quality_share == close.mean()
    assert cover.modes_recovered == len(set(distances.argmin(axis=1)[close]))


def test_no_point_of_any_mode():
    cover = GaussianGrid(4).score(np.full([3, 2], 9.0))
    assert (cover.modes_recovered, cover.high_quality_share) == (0, 0)
    assert np.isnan(cover.imbalance)


def test_modes_must_be_a_square():
    with pytest.raises(InputError, match="--modes=60 is not a square"):
        GaussianGrid(60)
