"""Which members of a large batch are trained on."""

import tensorflow as tf

from tf_smallgan import coreset
from tf_smallgan.coreset import nearest_of_its_label


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
    """Chooses k of O points.

    Args:
      method: as in `--coreset_method`.
      points: [O, E] embeddings.
      k: number to choose.
      seed: [2] int32.
      with_weights: whether chosen points carry their share of the large batch.
      labels: [O] int32, given where each class gets its share; else None.
      num_classes: K, used with labels.

    Returns:
      Indices [k] int32 and weights [k] float32, 1 without weights.
    """
    if labels is None:
        if with_weights:
            return coreset.weighted_select(method, points, k, seed)
        return coreset.select(method, points, k, seed), tf.ones([k])
    quotas = class_quotas(labels, k, num_classes, seed)
    indices = balanced_k_center(points, labels, quotas, k)
    if not with_weights:
        return indices, tf.ones([k])
    return indices, weights_within_classes(points, labels, indices, num_classes)


# Greedy k-center that gives each class its share of the large batch.
#
# Plain greedy k-center covers the embeddings, not the labels: classes that spread
# far are chosen more often than they occur. Here class c gets q_c of the k
# choices,
#
#     q_c = floor((k N_c + t) / O) - floor((k N_{c-1} + t) / O),
#
# N_c the number of the large batch in classes up to c and t uniform on 0..O-1
# (systematic rounding): the q_c sum to k, never exceed the class, and are
# k n_c / O on average, also with more classes than choices. Within its class each
# choice is the point farthest from those chosen of that class.


_CLOSED = -1.0  # below any squared distance: taken, or its class is full


def class_quotas(
    labels: tf.Tensor, k: int, num_classes: int, seed: tf.Tensor
) -> tf.Tensor:
    """How many of the k choices each class gets.

    Args:
      labels: [O] int32.
      k: number to choose.
      num_classes: K.
      seed: [2] int32.

    Returns:
      [K] int32 that sum to k.
    """
    large = tf.size(labels, tf.int64)
    counts = tf.math.bincount(
        labels, minlength=num_classes, maxlength=num_classes, dtype=tf.int64
    )
    offset = tf.random.stateless_uniform([], seed, 0, large, tf.int64, alg="philox")
    upper = (k * tf.cumsum(counts) + offset) // large
    lower = tf.concat([[0], upper[:-1]], axis=0)
    return tf.cast(upper - lower, tf.int32)


@tf.function(jit_compile=True, autograph=False)
def balanced_k_center(
    points: tf.Tensor, labels: tf.Tensor, quotas: tf.Tensor, k: int
) -> tf.Tensor:
    """Farthest-point choice within each class, to its quota.

    Args:
      points: [O, E] float32.
      labels: [O] int32.
      quotas: [K] int32 that sum to k, none above its class's count.
      k: number to choose.

    Returns:
      [k] int32, the first of each class first, ties to the lowest index.
    """
    points = points - tf.reduce_mean(points, axis=0)
    size = points.shape[0]
    has_quota = tf.gather(quotas, labels) > 0
    nearest = tf.where(has_quota, points.dtype.max, _CLOSED)

    def pick(
        i: tf.Tensor, indices: tf.Tensor, nearest: tf.Tensor, left: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        # The lowest index of the largest: XLA makes a scalar loop of an argmax.
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
    """Each choice's share of its class, so that a class weighs what its quota says.

        w_i = q_c / n_c * #{x of class c : i is the choice of c nearest to x}

    Args:
      points: [O, E] float32.
      labels: [O] int32.
      indices: [k] int32, as `balanced_k_center` chooses.
      num_classes: K.

    Returns:
      [k] float32 with mean 1; the weights of a class sum to its quota.
    """
    k = indices.shape[0]
    cell = nearest_of_its_label(points, labels, indices, num_classes)

    def count(numbers: tf.Tensor, most: int) -> tf.Tensor:
        ones = tf.ones(numbers.shape)
        return tf.math.unsorted_segment_sum(ones, numbers, most)

    # Members of a class without a choice are in no cell: number k.
    of = tf.gather(labels, indices)
    quotas, members = count(of, num_classes), count(labels, num_classes)
    return count(cell, k + 1)[:k] * tf.gather(quotas / tf.maximum(members, 1), of)
