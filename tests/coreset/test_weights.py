"""Cells, weights and radii against their definitions."""

import numpy as np
import pytest
import tensorflow as tf

from tests.coreset import reference
from tf_smallgan import coreset
from tf_smallgan.errors import InputError


def points_of(kind: str, n: int, d: int) -> np.ndarray:
    rng = np.random.default_rng(d)
    if kind == "grid":
        return rng.integers(0, 3, (n, d)).astype(np.float32)
    if kind == "clusters":
        centres = 1000 * rng.normal(size=(3, d))
        return (centres[rng.integers(0, 3, n)] + rng.normal(size=(n, d))).astype("f")
    return rng.normal(size=(n, d)).astype(np.float32)


@pytest.mark.parametrize("kind", ["scattered", "grid", "clusters"])
@pytest.mark.parametrize("d", [2, 12])
@pytest.mark.parametrize("k", [1, 40, 150])
def test_weights_reproduce_the_cells_masses(kind, d, k):
    points = points_of(kind, 160, d)
    indices = coreset.greedy_k_center(points, k).numpy()
    cell = reference.distances(points)[:, indices].argmin(axis=1)
    expected = np.bincount(cell, minlength=k) * k / 160
    weights = coreset.coverage_weights(points, indices)
    assert weights.dtype == tf.float32
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    np.testing.assert_allclose(np.sum(weights), k, rtol=1e-6)
    positions, squared = coreset.nearest_chosen(points, indices)
    np.testing.assert_array_equal(positions, cell)
    nearest = reference.distances(points)[:, indices].min(axis=1)
    np.testing.assert_allclose(np.sqrt(squared), nearest, rtol=1e-4, atol=2e-4)


def test_weights_by_hand():
    points = [[0.0], [0.1], [0.2], [5.0], [5.1], [9.0]]
    weights = coreset.coverage_weights(points, [5, 0, 3])
    np.testing.assert_allclose(weights, [0.5, 1.5, 1.0])


def test_the_second_of_coinciding_choices_weighs_nothing():
    weights = coreset.coverage_weights([[1.0], [2.0], [2.0], [2.0]], [1, 2, 0])
    np.testing.assert_allclose(weights, [2.25, 0.0, 0.75])


def test_weighted_mean_estimates_the_large_batch():
    points = np.random.default_rng(0).normal(size=(4096, 2)).astype(np.float32)
    indices = coreset.greedy_k_center(points, 256).numpy()
    weights = coreset.coverage_weights(points, indices).numpy()
    squares = np.square(points[indices])
    of_all = np.square(points).mean()
    weighted = (weights[:, np.newaxis] * squares).mean()
    assert abs(weighted - of_all) < 0.1 * abs(squares.mean() - of_all)


@pytest.mark.parametrize("method", ["stratified", "balanced", "uniform"])
def test_weighted_means_are_unbiased_in_many_dimensions(method):
    points = np.random.default_rng(2).normal(size=(256, 32)).astype(np.float32)
    squares = np.square(points).mean(axis=1)
    draw = tf.function(
        lambda seed: coreset.weighted_select(method, points, 64, seed), autograph=False
    )
    means = []
    for seed in range(200):
        indices, weights = draw(tf.constant([seed, 0]))
        means.append(np.mean(weights * squares[indices.numpy()]))
    error = np.std(means) / np.sqrt(len(means))
    assert abs(np.mean(means) - squares.mean()) < 4 * error
    assert error < 0.005


def test_a_stratum_weighs_its_size():
    points = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [9.0]], np.float32)
    indices, weights = coreset.weighted_select("stratified", points, 3, [3, 4])
    of = {0: 1.5, 1: 1.5, 2: 1.5, 3: 1.0, 4: 1.0, 5: 0.5}
    np.testing.assert_allclose(weights, [of[i] for i in indices.numpy()])


@pytest.mark.parametrize("kind", ["scattered", "clusters"])
@pytest.mark.parametrize(("d", "k"), [(2, 9), (12, 9), (12, 160)])
def test_covering_radius(kind, d, k):
    points = points_of(kind, 160, d)
    indices = coreset.greedy_k_center(points, k)
    expected = reference.radius(points, indices)
    actual = coreset.covering_radius(points, indices)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)


def test_radius_report_compares_with_a_uniform_subset():
    points = points_of("scattered", 400, 3)
    indices = coreset.greedy_k_center(points, 40)
    report = coreset.radius_report(points, indices, [3, 4])
    other = reference.radius(points, coreset.uniform(points, 40, [3, 4]))
    own = reference.radius(points, indices)
    np.testing.assert_allclose(report["radius"], own, rtol=1e-4)
    np.testing.assert_allclose(report["radius_uniform"], other, rtol=1e-4)
    np.testing.assert_allclose(report["radius_ratio"], own / other, rtol=1e-4)
    assert report["radius_ratio"] < 1


@pytest.mark.parametrize(
    ("indices", "message"),
    [([[0]], "vector"), ([0.5], "integers"), ([0, 1, 2, 3], "k is 4")],
)
def test_bad_indices(indices, message):
    with pytest.raises(InputError, match=message):
        coreset.coverage_weights(np.zeros([3, 2]), indices)
