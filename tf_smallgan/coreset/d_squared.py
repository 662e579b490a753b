"""D-squared sampling: the seeding of k-means++."""

import tensorflow as tf

from tf_smallgan.coreset import farthest
from tf_smallgan.coreset.geometry import (
    centre,
    check_points,
    first_bad_row,
    require_finite,
    squared_norms,
)
from tf_smallgan.coreset.randomness import check_seed, fold_in, uniform_numbers


def d_squared(points: tf.Tensor, k: int, seed: tf.Tensor | None) -> tf.Tensor:
    """Selects points at random, far ones with higher probability.

    The first uniformly, each next one by its squared distance to those selected:

        P(i_t = i) = D_i^2 / sum_j D_j^2,   D_i = min_{s < t} |x_i - x_{i_s}|

    (Arthur and Vassilvitskii 2007). It covers as greedy k-center does, but crowded
    regions outweigh single outliers. Where all distances are 0, the remaining
    points are equally likely. Distances are sums of squared differences.

    Args:
        points: [N, D] of a static shape, any real dtype.
        k: how many to select, from 1 to N.
        seed: [2] integers.

    Returns:
        [k] int32, in order of selection, none twice.

    Raises:
        InputError: as `greedy_k_center` does, and for a wrong seed.
    """
    points = check_points(points, k)
    seed = check_seed(seed, "d_squared")
    indices, bad_row = _compiled(points, int(k), seed)
    return require_finite(indices, bad_row, points)


@tf.function(jit_compile=True, autograph=False)
def _compiled(
    points: tf.Tensor, k: int, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    x = centre(points)
    n = x.shape[0]
    distances_to = farthest.by_differences(x)

    def step(
        i: tf.Tensor, nearest: tf.Tensor, taken: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        j = _draw(nearest, fold_in(seed, i))
        taken = tf.tensor_scatter_nd_update(taken, [[i]], [j])
        return i + 1, farthest.take(nearest, distances_to(j), j), taken

    state = (tf.constant(0), tf.fill([n], float("inf")), tf.zeros([k], tf.int32))
    _, _, taken = tf.while_loop(lambda i, *_: i < k, step, state)
    return taken, first_bad_row(squared_norms(x), points)


def _draw(nearest: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """An index by `nearest`'s masses; uniform where those are all inf or all 0.

    A race of exponential clocks: point i rings after E_i / m_i with E_i ~ Exp(1),
    and is the first to ring with probability m_i / sum(m).
    """
    top = tf.reduce_max(nearest)
    equal = (top <= 0.0) | tf.math.is_inf(top)
    free = nearest > farthest.TAKEN
    mass = tf.where(equal, tf.cast(free, tf.float32), nearest / top)
    waiting = -tf.math.log1p(-uniform_numbers(seed, nearest.shape[0]))
    rate = mass / tf.maximum(waiting, 1e-30)
    return farthest.farthest(tf.where(free & (mass > 0.0), rate, farthest.TAKEN))
