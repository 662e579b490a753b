"""Stratified selection: k-center's cells, a random member of each."""

import tensorflow as tf

from tf_smallgan.coreset.geometry import (
    centre,
    check_points,
    first_bad_row,
    require_finite,
    squared_norms,
)
from tf_smallgan.coreset.greedy import greedy
from tf_smallgan.coreset.nearest import cells
from tf_smallgan.randomness import check_seed, uniform_numbers


def stratified(points: tf.Tensor, k: int, seed: tf.Tensor | None) -> tf.Tensor:
    """Selects one uniformly random member of each cell of greedy k-center.

    Greedy k-center's points are the cells' centres; every point belongs to the
    nearest centre, ties to the earliest, and a centre to itself. Coverage stays
    (each cell is represented) while the pull to the tails weakens, since a cell is
    no longer represented by its most remote member. Cells still count equally
    whatever their size: only with the weights of `weighted_select`, which are the
    cells' sizes, does the selection estimate the large batch.

    Args:
        points: [N, D] of a static shape, any real dtype.
        k: how many to select, from 1 to N.
        seed: [2] integers.

    Returns:
        [k] int32, in the order in which greedy k-center made the cells.

    Raises:
        InputError: as `greedy_k_center` does, and for a wrong seed.
    """
    return stratified_with_sizes(points, k, seed)[0]


def stratified_with_sizes(
    points: tf.Tensor, k: int, seed: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """`stratified`, and of how many points each was drawn: [k] int32, N in all."""
    points = check_points(points, k)
    seed = check_seed(seed, "stratified")
    indices, sizes, bad_row = _compiled(points, int(k), seed)
    return require_finite(indices, bad_row, points), sizes


@tf.function(jit_compile=True, autograph=False)
def _compiled(
    points: tf.Tensor, k: int, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    x = centre(points)
    n, norms = x.shape[0], squared_norms(x)
    centres = greedy(x, norms, k, tf.constant(0))
    cell = cells(x, norms, centres)
    own = tf.range(k)
    cell = tf.tensor_scatter_nd_update(cell, centres[:, tf.newaxis], own)
    lots = uniform_numbers(seed, n)
    highest = tf.math.unsorted_segment_max(lots, cell, k)
    won = tf.where(lots == tf.gather(highest, cell), tf.range(n), n)
    chosen = tf.math.unsorted_segment_min(won, cell, k)
    sizes = tf.math.unsorted_segment_sum(tf.ones([n], tf.int32), cell, k)
    return chosen, sizes, first_bad_row(norms, points)
