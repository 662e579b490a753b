"""Greedy picks in blocks: one matrix product for many picks, same result.

Where the points outgrow the cache, a pick's time is the time to read them once. A
block reads them once for up to BLOCK picks. It takes as candidates the BLOCK
points farthest from those taken, computes all points' distances to them in one
matrix product, and replays the greedy rule among the candidates alone. That is
exact while the best candidate is farther than every other point was when the block
began, since distances only fall; there the block ends and the next begins. At
least the first pick of a block is always sound.

Private to the package; called inside an XLA cluster.
"""

from typing import NamedTuple

import tensorflow as tf

from tf_smallgan.coreset.farthest import TAKEN
from tf_smallgan.coreset.geometry import row_products

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
