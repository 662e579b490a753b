"""Uniform selection: the control against which every other one is measured."""

import tensorflow as tf

from tf_smallgan.coreset.geometry import check_points
from tf_smallgan.coreset.randomness import check_seed, uniform_numbers


def uniform(points: tf.Tensor, k: int, seed: tf.Tensor | None) -> tf.Tensor:
    """Selects k different points, each subset with equal probability.

    Args:
        points: [N, D] of a static shape; their values do not matter.
        k: how many to select, from 1 to N.
        seed: [2] integers.

    Returns:
        [k] int32, in random order.

    Raises:
        InputError: for a wrong rank, k or seed.
    """
    points = check_points(points, k)
    return _compiled(points.shape[0], int(k), check_seed(seed, "uniform"))


@tf.function(jit_compile=True, autograph=False)
def _compiled(n: int, k: int, seed: tf.Tensor) -> tf.Tensor:
    order = tf.argsort(uniform_numbers(seed, n), stable=True)
    return tf.cast(order[:k], tf.int32)
