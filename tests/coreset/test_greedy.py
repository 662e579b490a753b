"""Greedy k-center against its definition and its guarantee."""

import numpy as np
import pytest
import tensorflow as tf

from tests.coreset import reference
from tf_smallgan.coreset import greedy as greedy_lib
from tf_smallgan.coreset import greedy_k_center
from tf_smallgan.errors import InputError

RNG = np.random.default_rng


def grid(n: int, d: int) -> np.ndarray:
    return RNG(1).integers(0, 3, (n, d))


def repeated(n: int, d: int) -> np.ndarray:
    return RNG(2).normal(size=(n // 5, d))[RNG(3).integers(0, n // 5, n)]


def collinear(n: int, d: int) -> np.ndarray:
    return RNG(4).integers(-500, 500, (n, 1)) * RNG(5).integers(-4, 5, (1, d)) / 8


def clusters(n: int, d: int) -> np.ndarray:
    centres = 100 * RNG(6).normal(size=(4, d))
    return centres[RNG(7).integers(0, 4, n)] + RNG(8).normal(size=(n, d))


def scattered(n: int, d: int) -> np.ndarray:
    return RNG(9).normal(size=(n, d))


def shifted(n: int, d: int) -> np.ndarray:
    return RNG(10).normal(size=(n, d)) + 1000


SHAPES = {
    "one_by_one": (320, 24, 128),
    "few_dimensions": (320, 2, 128),
    "odd_sizes": (203, 13, 101),
    "in_blocks": (1100, 12, 300),
    "everything": (96, 16, 96),
}
POINTS = [scattered, grid, repeated, collinear, clusters, shifted]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("make", POINTS)
def test_is_the_definition_index_for_index(make, shape, monkeypatch):
    if shape == "in_blocks":
        monkeypatch.setattr(greedy_lib, "_BLOCKED_FROM_SIZE", 1)
    n, d, k = SHAPES[shape]
    points = np.asarray(make(n, d), np.float32)
    expected = reference.greedy_indices(points, k, first=3)
    actual = greedy_k_center(points, k, first=3).numpy()
    np.testing.assert_array_equal(actual, expected)
    assert len(set(actual)) == k


@pytest.mark.parametrize("make", [scattered, grid])
def test_a_large_batch_in_blocks_is_the_definition(make):
    points = np.asarray(make(8192, 64), np.float32)
    assert points.size >= greedy_lib._BLOCKED_FROM_SIZE
    expected = reference.greedy_indices(points, 300)
    np.testing.assert_array_equal(greedy_k_center(points, 300), expected)


def test_blocks_end_at_ties_with_points_outside_them():
    # Every point is equally far from every other: all picks but one tie.
    points = np.eye(4 * greedy_lib.BLOCK, dtype=np.float32)
    x = tf.constant(points - points.mean(axis=0))
    function = tf.function(greedy_lib.in_blocks, jit_compile=True, autograph=False)
    norms = tf.reduce_sum(x * x, axis=1)
    taken, count = function(x, norms, 100, tf.constant(7), tf.constant(0.0))
    assert count == 100
    assert len(set(taken.numpy())) == 100
    assert taken[0] == 7


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_radius_is_within_twice_the_least(seed, k):
    points = RNG(seed).normal(size=(12, 3))
    actual = reference.radius(points, greedy_k_center(points, k))
    assert actual <= 2 * reference.least_radius(points, k) * (1 + 1e-6)


def test_by_hand():
    # After 0 and 10, both 6 and 4 are 4 away: the tie goes to index 3.
    points = [[0.0], [1.0], [10.0], [6.0], [4.0]]
    np.testing.assert_array_equal(greedy_k_center(points, 5), [0, 2, 3, 4, 1])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int32", "uint8"])
def test_every_dtype_is_selected_in_float32(dtype):
    points = tf.cast(RNG(0).integers(0, 50, (64, 12)), dtype)
    expected = greedy_k_center(tf.cast(points, tf.float32), 20)
    actual = greedy_k_center(points, 20)
    assert actual.dtype == tf.int32
    np.testing.assert_array_equal(actual, expected)


def test_float64_keeps_what_a_large_offset_hides_from_float32():
    points = RNG(0).integers(0, 50, (64, 12)).astype(np.float64)
    expected = greedy_k_center(points, 20)
    np.testing.assert_array_equal(greedy_k_center(points + 2.0**40, 20), expected)


def test_one_point_and_equal_points():
    np.testing.assert_array_equal(greedy_k_center([[5.0, 1.0]], 1), [0])
    equal = tf.fill([6, 20], 0.1)
    np.testing.assert_array_equal(
        greedy_k_center(equal, 6, first=2), [2, 0, 1, 3, 4, 5]
    )


@pytest.mark.parametrize(
    ("points", "k", "first", "message"),
    [
        (np.zeros([4]), 1, 0, r"matrix \[N, D\]"),
        (np.zeros([4, 2, 2]), 1, 0, "flatten"),
        (np.zeros([4, 2]), 0, 0, "k is 0"),
        (np.zeros([4, 2]), 5, 0, "1 to 4 of 4"),
        (np.zeros([4, 2]), 2.0, 0, "Python integer"),
        (np.zeros([4, 2]), 2, 4, "first is 4"),
        (np.zeros([0, 2]), 1, 0, "empty"),
        (np.zeros([4, 2], complex), 1, 0, "real numbers"),
        (np.zeros([4, 2], bool), 1, 0, "real numbers"),
    ],
)
def test_bad_input_is_named(points, k, first, message):
    with pytest.raises(InputError, match=message):
        greedy_k_center(points, k, first)


def test_an_unknown_size_is_refused():
    @tf.function(input_signature=[tf.TensorSpec([None, 2])], autograph=False)
    def function(points):
        return greedy_k_center(points, 2)

    with pytest.raises(InputError, match="drop_remainder"):
        function(tf.zeros([4, 2]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("d", [2, 20])
def test_points_that_are_not_finite_are_named(bad, d):
    points = np.ones([8, d], np.float32)
    points[5, 1] = bad
    with pytest.raises(InputError, match="row 5 is NaN, infinite or too large"):
        greedy_k_center(points, 2)
    function = tf.function(lambda p: greedy_k_center(p, 2), autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="points row"):
        function(tf.constant(points))
    data = tf.data.Dataset.from_tensors(points).map(lambda p: greedy_k_center(p, 2))
    with pytest.raises(tf.errors.InvalidArgumentError, match="points row"):
        next(iter(data))
