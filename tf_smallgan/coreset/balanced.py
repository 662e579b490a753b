"""Balanced selection: cells of equal size, a random member of each."""

import tensorflow as tf

from tf_smallgan.coreset.geometry import (
    centre,
    check_points,
    first_bad_row,
    require_finite,
    squared_norms,
)
from tf_smallgan.randomness import check_seed, fold_in, uniform_numbers


def balanced(points: tf.Tensor, k: int, seed: tf.Tensor | None) -> tf.Tensor:
    """Selects one uniformly random member of each of k cells of equal size.

    The cells are the leaves of a k-d tree: a cell is cut across the coordinate in
    which it varies most, into as many equal parts as a factor of k says, until there
    are k cells. There are as many cuts as k has prime factors, or as many as points
    have coordinates where those are fewer. This is stratified sampling with strata of
    equal size, so

        P(point i is selected) = k / N   for every i, wherever it lies,

    and the mean of f over the selection is an unbiased estimate of the mean of f
    over the large batch, with less variance than a uniform subset's as far as f
    varies less inside of cells than between them. No weights are needed, and
    outliers are not favoured: what greedy k-center gains in coverage it pays for
    there. Where N is no multiple of k, the remainder is left out at random.

    The cost is one sort of N a cut, without a loop over picks.

    Args:
        points: [N, D] of a static shape, any real dtype.
        k: how many to select, from 1 to N; a prime above 2 gives strips, not boxes.
        seed: [2] integers.

    Returns:
        [k] int32, in the tree's order: neighbours in it are near each other.

    Raises:
        InputError: as `greedy_k_center` does, and for a wrong seed.
    """
    points = check_points(points, k)
    seed = check_seed(seed, "balanced")
    indices, bad_row = _compiled(points, int(k), seed)
    return require_finite(indices, bad_row, points)


@tf.function(jit_compile=True, autograph=False)
def _compiled(
    points: tf.Tensor, k: int, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    x = centre(points)
    n = x.shape[0]
    # In random order: a cut inside of a group of equal points then favours none.
    shuffled = tf.argsort(uniform_numbers(seed, n), stable=True)
    members = shuffled[tf.newaxis, : n - n % k]
    for parts in _factors(k, x.shape[1]):
        members = _cut(x, members, parts)
    lots = tf.reshape(uniform_numbers(fold_in(seed, 1), n - n % k), members.shape)
    winners = tf.argmax(lots, axis=1, output_type=tf.int32)
    chosen = tf.gather(members, winners, batch_dims=1)
    return chosen, first_bad_row(squared_norms(x), points)


def _cut(x: tf.Tensor, members: tf.Tensor, parts: int) -> tf.Tensor:
    """Cells [C, M] of indices to [C * parts, M / parts], each cut across its width."""
    cells, size = members.shape
    values = tf.gather(x, members)
    spread = tf.math.reduce_variance(values, axis=1)
    axis = tf.argmax(spread, axis=1, output_type=tf.int32)
    widest = tf.gather(tf.transpose(values, [0, 2, 1]), axis, batch_dims=1)
    order = tf.argsort(widest, axis=1, stable=True)
    members = tf.gather(members, order, batch_dims=1)
    return tf.reshape(members, [cells * parts, size // parts])


def _factors(number: int, most: int) -> list[int]:
    """At most `most` factors of a number, alike in size, the largest first."""
    factors = [1] * most
    for prime in _prime_factors(number):
        smallest = factors.index(min(factors))
        factors[smallest] *= prime
    return sorted((f for f in factors if f > 1), reverse=True)


def _prime_factors(number: int) -> list[int]:
    """The prime factors of a positive number, the largest first."""
    factors, divisor = [], 2
    while number > 1:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return factors[::-1]
