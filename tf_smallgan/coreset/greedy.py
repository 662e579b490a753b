"""Greedy k-center: the selection of Small-GAN (Sinha et al. 2020, section 3)."""

import tensorflow as tf

from tf_smallgan.coreset import farthest
from tf_smallgan.coreset.blocked import BLOCK, in_blocks
from tf_smallgan.coreset.geometry import (
    FEW_DIMENSIONS,
    TRUSTED_SHARE,
    centre,
    check_points,
    first_bad_row,
    require_finite,
    squared_norms,
)
from tf_smallgan.errors import InputError

# From this many numbers on, the points outgrow a core's cache and blocks pay off.
_BLOCKED_FROM_SIZE = 2**19


def greedy_k_center(points: tf.Tensor, k: int, first: int | tf.Tensor = 0) -> tf.Tensor:
    """Selects k points, each the farthest from those selected before it.

        i_1 = first,   i_t = argmax_i min_{s < t} |x_i - x_{i_s}|

    This is the 2-approximation of Gonzalez (1985) used by Sener and Savarese
    (2018): no point is farther from the selection than twice the least possible.
    Distances are Euclidean; ties go to the lowest index; no index is returned
    twice, also where points coincide.

    Numerical form: the points are moved near their mean and cast to float32.
    Squared distances are |x|^2 - 2 x.c + |c|^2, one matrix-vector product a pick
    (for large batches one matrix product for a block of picks), as long as every
    pick's squared distance is at least 1/32 of the largest |x|^2. Where picks come
    closer than that, as in tight clusters or with more picks than distinct points,
    the selection is done over with sums of squared differences, which do not
    cancel; in up to 8 dimensions they are used at once. Products are full float32
    also where the device would round factors to TF32 or bfloat16. Memory is O(N)
    beyond the points, their centred copy and, for differences, one more such array;
    a block adds 64 N numbers. There is never anything of N x N or N x k.

    Always compiled by XLA, whether called eagerly, in a tf.function, in a
    `Dataset.map` or in `strategy.run`.

    Args:
        points: [N, D] of a static shape, any real dtype.
        k: how many to select, from 1 to N.
        first: index of the first point.

    Returns:
        [k] int32, the indices in order of selection.

    Raises:
        InputError: for a wrong rank, k or `first`, and, when called eagerly, for
            points that are NaN, infinite or beyond float32 once squared. In a
            graph those raise tf.errors.InvalidArgumentError; inside the caller's
            own XLA cluster such assertions do not exist, and the indices are
            arbitrary.
    """
    points = check_points(points, k)
    if isinstance(first, int) and not 0 <= first < points.shape[0]:
        raise InputError(
            f"first is {first}, but there are {points.shape[0]} points: give an "
            f"index from 0 to {points.shape[0] - 1}."
        )
    indices, bad_row = _compiled(points, int(k), tf.cast(first, tf.int32))
    return require_finite(indices, bad_row, points)


@tf.function(jit_compile=True, autograph=False)
def _compiled(
    points: tf.Tensor, k: int, first: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    x = centre(points)
    norms = squared_norms(x)
    return greedy(x, norms, k, first), first_bad_row(norms, points)


def greedy(x: tf.Tensor, norms: tf.Tensor, k: int, first: tf.Tensor) -> tf.Tensor:
    """`greedy_k_center` on centred points, for use inside an XLA cluster."""
    n, dimensions = x.shape
    taken, count = tf.zeros([k], tf.int32), tf.constant(0)
    if dimensions > FEW_DIMENSIONS:
        floor = TRUSTED_SHARE * tf.reduce_max(norms)
        if n * dimensions >= _BLOCKED_FROM_SIZE and n > BLOCK:
            taken, count = in_blocks(x, norms, k, first, floor)
        else:
            products = farthest.by_products(x, norms)
            taken, count = farthest.one_by_one(products, n, taken, count, first, floor)
    start = tf.where(count == k, k, 0)
    differences = farthest.by_differences(x)
    floor = tf.constant(0.0)
    return farthest.one_by_one(differences, n, taken, start, first, floor)[0]
