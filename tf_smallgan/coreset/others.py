"""Further rules: D-squared sampling, robust k-center and uniform selection.

D-squared sampling is the seeding of k-means++ (Arthur & Vassilvitskii 2007). Robust
k-center leaves a share of the farthest points out. Uniform selection is the control.
"""

import math

import tensorflow as tf

from tf_smallgan.coreset import greedy as greedy_lib
from tf_smallgan.coreset.geometry import (
    centre,
    check_points,
    first_bad_row,
    require_finite,
    squared_norms,
)
from tf_smallgan.errors import InputError
from tf_smallgan.randomness import check_seed, fold_in, uniform_numbers


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
    distances_to = greedy_lib.by_differences(x)

    def step(
        i: tf.Tensor, nearest: tf.Tensor, taken: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        j = _draw(nearest, fold_in(seed, i))
        taken = tf.tensor_scatter_nd_update(taken, [[i]], [j])
        return i + 1, greedy_lib.take(nearest, distances_to(j), j), taken

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
    free = nearest > greedy_lib.TAKEN
    mass = tf.where(equal, tf.cast(free, tf.float32), nearest / top)
    waiting = -tf.math.log1p(-uniform_numbers(seed, nearest.shape[0]))
    rate = mass / tf.maximum(waiting, 1e-30)
    return greedy_lib.farthest(tf.where(free & (mass > 0.0), rate, greedy_lib.TAKEN))


_FLOAT_BITS = 31  # Of a non-negative float32, whose bits order as its value.


def robust(
    points: tf.Tensor,
    k: int,
    seed: tf.Tensor | None = None,
    outlier_fraction: float = 0.05,
) -> tf.Tensor:
    """Selects k points, each the farthest but for the z = floor(f N) farthest.

    Greedy k-center with z points exempt at every pick: it takes the point that
    exactly z unselected ones precede in distance to the selection (ties to the
    lowest index; fewer than z are exempt once fewer remain). Which points are
    exempt is judged anew at each pick. With z isolated points farther from
    everything than the rest is wide, this is greedy k-center on the rest. In
    general, as long as a pick is farther than 2 r from the selection, where k balls
    of radius r cover all but z points, it lies in a ball without a selected point
    or is one of the z: so k + z picks leave at most z points farther than 2 r.

    The first point is the one nearest to the mean, since point 0 might be an
    outlier. Distances are sums of squared differences.

    Args:
        points: [N, D] of a static shape, any real dtype.
        k: how many to select, from 1 to N.
        seed: not used; every method has the same signature.
        outlier_fraction: f, at least 0 and below 1.

    Returns:
        [k] int32, in order of selection, none twice.

    Raises:
        InputError: as `greedy_k_center` does, and for a wrong fraction.
    """
    del seed
    points = check_points(points, k)
    if not 0 <= outlier_fraction < 1:
        raise InputError(
            f"outlier_fraction is {outlier_fraction}, but must be at least 0 and "
            "below 1."
        )
    exempt = math.floor(outlier_fraction * points.shape[0])
    indices, bad_row = _robust_compiled(points, int(k), exempt)
    return require_finite(indices, bad_row, points)


@tf.function(jit_compile=True, autograph=False)
def _robust_compiled(
    points: tf.Tensor, k: int, exempt: int
) -> tuple[tf.Tensor, tf.Tensor]:
    x = centre(points)
    n = x.shape[0]
    distances_to = greedy_lib.by_differences(x)

    def step(
        i: tf.Tensor, j: tf.Tensor, nearest: tf.Tensor, taken: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        taken = tf.tensor_scatter_nd_update(taken, [[i]], [j])
        nearest = greedy_lib.take(nearest, distances_to(j), j)
        rank = tf.minimum(exempt, n - 2 - i)
        return i + 1, _ranked(nearest, rank), nearest, taken

    from_mean = squared_norms(x - tf.reduce_mean(x, axis=0))
    first = greedy_lib.farthest(-from_mean)
    nearest = tf.fill([n], float("inf"))
    state = (tf.constant(0), first, nearest, tf.zeros([k], tf.int32))
    _, _, _, taken = tf.while_loop(lambda i, *_: i < k, step, state)
    return taken, first_bad_row(squared_norms(x), points)


def _ranked(nearest: tf.Tensor, rank: tf.Tensor) -> tf.Tensor:
    """The lowest index of the value that `rank` larger ones precede.

    The value is found bit by bit: the largest that more than `rank` values reach.
    """
    bits = tf.bitcast(nearest, tf.int32)  # TAKEN is negative in bits too.

    def step(b: tf.Tensor, value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        trial = value + tf.bitwise.left_shift(1, b)
        reached = tf.reduce_sum(tf.cast(bits >= trial, tf.int32))
        return b - 1, tf.where(reached > rank, trial, value)

    state = (tf.constant(_FLOAT_BITS - 1), tf.constant(0))
    _, value = tf.while_loop(lambda b, _: b >= 0, step, state)
    n = nearest.shape[0]
    return tf.reduce_min(tf.where(bits == value, tf.range(n), n))


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
    return _uniform_compiled(points.shape[0], int(k), check_seed(seed, "uniform"))


@tf.function(jit_compile=True, autograph=False)
def _uniform_compiled(n: int, k: int, seed: tf.Tensor) -> tf.Tensor:
    order = tf.argsort(uniform_numbers(seed, n), stable=True)
    return tf.cast(order[:k], tf.int32)
