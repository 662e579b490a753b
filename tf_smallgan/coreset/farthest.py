"""The greedy loops: repeatedly take the point farthest from those taken.

Private to the package. Every function here is called inside an XLA cluster and
works on centred float32 points `x [N, D]` and `norms [N]`, their squared norms.
`nearest [N]` holds each point's squared distance to the nearest point taken so
far, and TAKEN for the taken ones.

Rows are looked up by tf.gather, never by `x[j]`: that is a strided slice, whose
bounds XLA takes for compile-time constants. As j follows from the points, the whole
loop would be evaluated by the compiler, anew for every batch.
"""

from collections.abc import Callable

import tensorflow as tf

from tf_smallgan.coreset.geometry import row_products, squared_norms

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
