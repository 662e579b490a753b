"""Which members of a large batch are trained on."""

import tensorflow as tf

from tf_smallgan import coreset
from tf_smallgan.data.balance import (
    balanced_k_center,
    class_quotas,
    weights_within_classes,
)


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
