"""The kernel distance against brute force, and its freedom from bias."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.kernel import kernel_distance
from tf_smallgan.training.gan_library import tfgan


def kernel(x: np.ndarray, y: np.ndarray) -> float:
    return (float(x @ y) / len(x) + 1) ** 3


def brute_force(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate from all pairs, one at a time."""
    own = [
        np.mean([kernel(a, b) for a, b in itertools.permutations(points, 2)])
        for points in (x, y)
    ]
    across = np.mean([kernel(a, b) for a in x for b in y])
    return float(sum(own) - 2 * across)


def normal(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, 5))


def test_blocks_equal_brute_force():
    x, y = normal(48, 0), normal(48, 1, 0.5)
    blocks = [brute_force(x[i : i + 12], y[i : i + 12]) for i in range(0, 48, 12)]
    found = kernel_distance(x, y)
    assert found.value == pytest.approx(np.mean(blocks), rel=1e-10)
    assert found.standard_error == pytest.approx(
        np.std(blocks, ddof=1) / np.sqrt(4), rel=1e-10
    )


def test_blocks_equal_tensorflow_gan_over_all_blocks():
    x, y = normal(48, 0), normal(48, 1, 0.5)
    whole = tfgan.eval.kernel_classifier_distance_and_std_from_activations
    expected = whole(tf.constant(x), tf.constant(y), max_block_size=12)
    np.testing.assert_allclose(kernel_distance(x, y), expected, rtol=1e-10)


def test_a_smaller_side_is_cut_into_as_many_blocks():
    x, y = normal(40, 0), normal(16, 1, 0.5)
    parts = zip(np.split(x, 4), np.split(y, 4))
    expected = np.mean([brute_force(a, b) for a, b in parts])
    assert kernel_distance(x, y).value == pytest.approx(expected, rel=1e-10)


def test_is_unbiased():
    found = [kernel_distance(normal(8, 2 * i), normal(8, 2 * i + 1)) for i in range(60)]
    values = np.array([distance.value for distance in found])
    assert abs(values.mean()) < 3 * values.std(ddof=1) / np.sqrt(len(values))
    # The standard error that each reports is the spread that they have.
    reported = np.sqrt(np.mean([distance.standard_error**2 for distance in found]))
    assert reported == pytest.approx(values.std(ddof=1), rel=0.5)


def test_half_precision_features_are_widened():
    x, y = normal(40, 0).astype(np.float32), normal(40, 1).astype(np.float32)
    wide = kernel_distance(x.astype(np.float64), y.astype(np.float64))
    assert kernel_distance(x, y).value == pytest.approx(wide.value, rel=1e-12)


def test_two_points_are_enough_and_one_is_not():
    assert np.isfinite(kernel_distance(normal(2, 0), normal(30, 1)).value)
    with pytest.raises(InputError, match="at least 2 points a side"):
        kernel_distance(normal(1, 0), normal(30, 1))
