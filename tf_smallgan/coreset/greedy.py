"""Greedy k-center: the selection of Small-GAN (Sinha et al. 2020, section 3).

Repeatedly takes the point that is farthest from those taken. Small inputs are done one
pick at a time; large ones in blocks, where one matrix product serves many picks with
the same result.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_smallgan.coreset.geometry import (
    FEW_DIMENSIONS,
    TRUSTED_SHARE,
    centre,
    check_points,
    first_bad_row,
    require_finite,
    row_products,
    squared_norms,
)
from tf_smallgan.errors import InputError

TAKEN = -1.0
_MAX_ROWS = 128
_MIN_ROWS = 16

DistancesTo = Callable[[tf.Tensor], tf.Tensor]


def by_differences(x: tf.Tensor) -> DistancesTo:
    """Squared distances as sums of squared differences: exact, also when close."""
    return lambda j: squared_norms(x - tf.gather(x, j))


def by_products(x: tf.Tensor, norms: tf.Tensor) -> DistancesTo:
    """Squared distances as |x|^2 - 2 x.c + |c|^2: one matrix-vector product."""

    def distances_to(j: tf.Tensor) -> tf.Tensor:
        products = row_products(x, tf.gather(x, j))
        return tf.maximum(norms + tf.gather(norms, j) - 2.0 * products, 0.0)

    return distances_to


def farthest(nearest: tf.Tensor) -> tf.Tensor:
    """The lowest index of the largest value, as a scalar int32.

    By rows first where N allows: XLA compiles a maximum of each row into vector
    instructions, but an argmax over everything into a scalar loop.
    """
    n = nearest.shape[0]
    rows = min(n & -n, _MAX_ROWS)  # n & -n: the largest power of two dividing n.
    if rows < _MIN_ROWS:
        top = tf.reduce_max(nearest)
        return tf.reduce_min(tf.where(nearest == top, tf.range(n), n))
    table = tf.reshape(nearest, [rows, n // rows])
    row = tf.argmax(tf.reduce_max(table, axis=1), output_type=tf.int32)
    return row * (n // rows) + tf.argmax(tf.gather(table, row), output_type=tf.int32)


def take(nearest: tf.Tensor, distances: tf.Tensor, j: tf.Tensor) -> tf.Tensor:
    """`nearest` after taking point j, given all points' distances to it."""
    distances = tf.where(tf.range(nearest.shape[0]) == j, TAKEN, distances)
    return tf.minimum(nearest, distances)


def one_by_one(
    distances_to: DistancesTo,
    n: int,
    taken: tf.Tensor,
    start: tf.Tensor,
    first: tf.Tensor,
    floor: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Takes points until `taken [k]` is full or a pick's distance is below `floor`.

    Args:
        distances_to: all points' squared distances to one of them.
        n: number of points.
        taken: [k] int32, what is returned where nothing is left to do.
        start: 0 to select, k to return `taken` as it is.
        first: the first point.
        floor: the smallest squared distance at which a pick is still accepted.

    Returns:
        [k] indices and how many of them were taken.
    """
    k = taken.shape[0]

    def more(i: tf.Tensor, j: tf.Tensor, top: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
        return (i < k) & (top >= floor)

    def step(
        i: tf.Tensor, j: tf.Tensor, _: tf.Tensor, nearest: tf.Tensor, taken: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        taken = tf.tensor_scatter_nd_update(taken, [[i]], [j])
        nearest = take(nearest, distances_to(j), j)
        j = farthest(nearest)
        return i + 1, j, tf.gather(nearest, j), nearest, taken

    nothing = tf.fill([n], float("inf"))
    state = (start, first, tf.constant(float("inf")), nothing, taken)
    count, _, _, _, taken = tf.while_loop(more, step, state)
    return taken, count


BLOCK = 64
_COLUMNS = 128
_EXCLUDED = -2.0


class _Candidates(NamedTuple):
    """BLOCK points, farthest first, equal ones by index; what others can reach."""

    indices: tf.Tensor  # [BLOCK]
    nearest: tf.Tensor  # [BLOCK], their squared distances when the block begins
    others: tf.Tensor  # [], the largest squared distance of any other point


def in_blocks(
    x: tf.Tensor, norms: tf.Tensor, k: int, first: tf.Tensor, floor: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Takes k points, or stops where a pick's squared distance is below `floor`.

    Args:
        x: [N, D], centred, N > BLOCK.
        norms: [N], their squared norms.
        k: how many to take.
        first: the first point.
        floor: the smallest squared distance at which a pick is still accepted.

    Returns:
        [k] indices and how many of them were taken, 0 where it stopped.
    """
    n = x.shape[0]

    def more(i: tf.Tensor, top: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
        return (i < k) & (top >= floor)

    def step(
        i: tf.Tensor, _: tf.Tensor, nearest: tf.Tensor, taken: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        found = _candidates(nearest)
        distances = distances_from(x, norms, found.indices)
        among = tf.gather(distances, found.indices, axis=1)
        count, top, accepted, taken = _replay(found, among, i, k, taken)
        closest = tf.where(accepted[:, tf.newaxis], distances, float("inf"))
        nearest = tf.minimum(nearest, tf.reduce_min(closest, axis=0))
        mark = tf.where(accepted, TAKEN, float("inf"))
        indices = found.indices[:, tf.newaxis]
        nearest = tf.tensor_scatter_nd_min(nearest, indices, mark)
        return count, top, nearest, taken

    # The first point alone is farther than anything: it is the first pick.
    start = tf.where(tf.range(n) == first, float("inf"), 3.0e38)
    state = (tf.constant(0), tf.constant(float("inf")), start, tf.zeros([k], tf.int32))
    count, top, _, taken = tf.while_loop(more, step, state)
    return taken, tf.where(top >= floor, count, 0)


def distances_from(x: tf.Tensor, norms: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Squared distances [BLOCK, N] from the points at `indices` to all points."""
    products = row_products(tf.gather(x, indices), x)
    own = tf.gather(norms, indices)[:, tf.newaxis]
    return tf.maximum(norms + own - 2.0 * products, 0.0)


def _candidates(nearest: tf.Tensor) -> _Candidates:
    """The BLOCK largest of `nearest [N]`, found by rows.

    XLA's own top-k sorts everything on CPU, 30 times slower than this loop: the
    rows' maxima are kept, and each step looks into one row only.
    """
    n = nearest.shape[0]
    rows = -(-n // _COLUMNS)
    padding = [[0, rows * _COLUMNS - n]]
    table = tf.pad(nearest, padding, constant_values=_EXCLUDED)
    table = tf.reshape(table, [rows, _COLUMNS])

    def step(
        s: tf.Tensor, table: tf.Tensor, tops: tf.Tensor, found: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        row = tf.argmax(tops, output_type=tf.int32)
        values = tf.gather(table, row)
        column = tf.argmax(values, output_type=tf.int32)
        found = tf.tensor_scatter_nd_update(found, [[s]], [row * _COLUMNS + column])
        rest = tf.where(tf.range(_COLUMNS) == column, _EXCLUDED, values)
        table = tf.tensor_scatter_nd_update(table, [[row]], [rest])
        tops = tf.tensor_scatter_nd_update(tops, [[row]], [tf.reduce_max(rest)])
        return s + 1, table, tops, found

    state = (
        tf.constant(0),
        table,
        tf.reduce_max(table, 1),
        tf.zeros([BLOCK], tf.int32),
    )
    _, _, tops, found = tf.while_loop(lambda s, *_: s < BLOCK, step, state)
    return _Candidates(found, tf.gather(nearest, found), tf.reduce_max(tops))


def _replay(
    found: _Candidates, among: tf.Tensor, i: tf.Tensor, k: int, taken: tf.Tensor
) -> tuple[tf.Tensor, ...]:
    """The greedy rule among the candidates, as long as it is sound.

    A candidate that now only equals `found.others` is sound if it equalled it from
    the start: candidates are found in order of index, so it precedes its equals.

    Args:
        found: the candidates.
        among: [BLOCK, BLOCK], their squared distances from each other.
        i: how many points were taken before.
        k: how many are wanted.
        taken: [k], filled up to i.

    Returns:
        The new i, the last pick's squared distance, [BLOCK] which candidates were
        taken, and `taken`.
    """
    n_above = tf.int32.max

    def best(nearest: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        top = tf.reduce_max(nearest)
        order = tf.where(nearest == top, found.indices, n_above)
        slot = tf.argmin(order, output_type=tf.int32)
        stayed = tf.gather(found.nearest, slot) == found.others
        return slot, top, (top > found.others) | ((top == found.others) & stayed)

    def more(
        i: tf.Tensor, s: tf.Tensor, slot: tf.Tensor, sound: tf.Tensor, *_: tf.Tensor
    ) -> tf.Tensor:
        return (i < k) & (s < BLOCK) & sound

    def step(
        i: tf.Tensor,
        s: tf.Tensor,
        slot: tf.Tensor,
        _: tf.Tensor,
        top: tf.Tensor,
        last: tf.Tensor,
        nearest: tf.Tensor,
        taken: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        index = tf.gather(found.indices, slot)
        taken = tf.tensor_scatter_nd_update(taken, [[i]], [index])
        nearest = tf.minimum(nearest, tf.gather(among, slot))
        nearest = tf.where(tf.range(BLOCK) == slot, TAKEN, nearest)
        slot, following, sound = best(nearest)
        return i + 1, s + 1, slot, sound, following, top, nearest, taken

    slot, top, _ = best(found.nearest)
    always = tf.constant(True)
    state = (i, tf.constant(0), slot, always, top, top, found.nearest, taken)
    i, _, _, _, _, last, nearest, taken = tf.while_loop(more, step, state)
    return i, last, nearest == TAKEN, taken


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
            products = by_products(x, norms)
            taken, count = one_by_one(products, n, taken, count, first, floor)
    start = tf.where(count == k, k, 0)
    differences = by_differences(x)
    floor = tf.constant(0.0)
    return one_by_one(differences, n, taken, start, first, floor)[0]
