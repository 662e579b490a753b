"""Which members of a large batch are trained on.

Plain greedy k-center covers the embeddings, not the labels: classes with a large spread
are selected more often than they occur. Class balance fixes the number q_c of
selections of class c by systematic rounding,

    q_c = floor((k N_c + t) / O) - floor((k N_{c-1} + t) / O),

where N_c counts the members of classes up to c in the large batch of O, and t is
uniform on 0..O-1. The q_c sum to k, never exceed the size of the class, and equal
k n_c / O on average, also with more classes than selections. Within its class, each
selection is the point farthest from the points selected before.
"""

import tensorflow as tf

from tf_smallgan import coreset, randomness

_CLOSED = -1.0  # Below any squared distance: selected, or the class is full.


def choose(
    method: str,
    points: tf.Tensor,
    k: int,
    seed: tf.Tensor,
    *,
    with_weights: bool,
    labels: tf.Tensor | None = None,
    num_classes: int = 1,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Selects k of O points.

    Args:
      method: a key of `coreset.METHODS`.
      points: [O, E] embeddings.
      k: number of points to select.
      seed: [2] integers.
      with_weights: whether selected points are weighted by the share of the large
        batch that they represent.
      labels: [O] int32 for class balance, which always uses k-center; else None.
      num_classes: K, used with labels.

    Returns:
      Indices [k] int32 and weights [k] float32 with mean 1; all 1 without weights.
    """
    if labels is None:
        if with_weights:
            return coreset.weighted_select(method, points, k, seed)
        return coreset.select(method, points, k, seed), tf.ones([k])
    quotas = class_quotas(labels, k, num_classes, seed)
    indices = per_class_k_center(points, labels, quotas, k)
    if not with_weights:
        return indices, tf.ones([k])
    return indices, weights_within_classes(points, labels, indices, num_classes)


def class_quotas(
    labels: tf.Tensor, k: int, num_classes: int, seed: tf.Tensor
) -> tf.Tensor:
    """How many of k selections each class gets.

    Args:
      labels: [O] int32.
      k: number of points to select.
      num_classes: K.
      seed: [2] integers.

    Returns:
      [K] int32 that sum to k.
    """
    large = tf.size(labels, tf.int64)
    counts = tf.math.bincount(
        labels, minlength=num_classes, maxlength=num_classes, dtype=tf.int64
    )
    offset = randomness.integers([], seed, large, tf.int64)
    upper = (k * tf.cumsum(counts) + offset) // large
    lower = tf.concat([[0], upper[:-1]], axis=0)
    return tf.cast(upper - lower, tf.int32)


@tf.function(jit_compile=True, autograph=False)
def per_class_k_center(
    points: tf.Tensor, labels: tf.Tensor, quotas: tf.Tensor, k: int
) -> tf.Tensor:
    """Greedy k-center within each class, up to the class's quota.

    Args:
      points: [O, E] float32.
      labels: [O] int32.
      quotas: [K] int32 that sum to k, none larger than its class.
      k: number of points to select.

    Returns:
      [k] int32. Each class starts at its first member; ties go to the lowest index.
    """
    points = points - tf.reduce_mean(points, axis=0)
    size = points.shape[0]
    has_quota = tf.gather(quotas, labels) > 0
    nearest = tf.where(has_quota, points.dtype.max, _CLOSED)

    def pick(
        i: tf.Tensor, indices: tf.Tensor, nearest: tf.Tensor, left: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        # The lowest index of the maximum: XLA compiles argmax to a scalar loop.
        largest = nearest == tf.reduce_max(nearest)
        index = tf.reduce_min(tf.where(largest, tf.range(size), size))
        label, point = tf.gather(labels, index), tf.gather(points, index)
        distances = tf.reduce_sum(tf.square(points - point), axis=1)
        last_of_class = tf.gather(left, label) == 1
        taken = last_of_class | (tf.range(size) == index)
        within = tf.where(taken, _CLOSED, tf.minimum(nearest, distances))
        nearest = tf.where(labels == label, within, nearest)
        indices = tf.tensor_scatter_nd_update(indices, [[i]], [index])
        return i + 1, indices, nearest, tf.tensor_scatter_nd_sub(left, [[label]], [1])

    state = (tf.constant(0), tf.zeros([k], tf.int32), nearest, quotas)
    return tf.while_loop(lambda i, *_: i < k, pick, state)[1]


@tf.function(jit_compile=True, autograph=False)
def weights_within_classes(
    points: tf.Tensor, labels: tf.Tensor, indices: tf.Tensor, num_classes: int
) -> tf.Tensor:
    """Each selection's share of its class, scaled to the class's quota.

        w_i = q_c / n_c * #{x of class c : i is the selection of c nearest to x}

    Args:
      points: [O, E] float32.
      labels: [O] int32.
      indices: [k] int32 of `per_class_k_center`.
      num_classes: K.

    Returns:
      [k] float32 with mean 1; the weights of a class sum to its quota.
    """
    k = indices.shape[0]
    cell = coreset.nearest_of_its_label(points, labels, indices, num_classes)

    def count(numbers: tf.Tensor, size: int) -> tf.Tensor:
        ones = tf.ones(numbers.shape)
        return tf.math.unsorted_segment_sum(ones, numbers, size)

    # Members of a class without a selection have the cell number k.
    own = tf.gather(labels, indices)
    quotas, members = count(own, num_classes), count(labels, num_classes)
    return count(cell, k + 1)[:k] * tf.gather(quotas / tf.maximum(members, 1), own)
