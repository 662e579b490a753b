"""Weights that make a selection an estimate of the batch it was selected from."""

import tensorflow as tf

from tf_smallgan.coreset.nearest import nearest_chosen


def coverage_weights(points: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Each chosen point's share of the large batch, times k.

        w_c = k / N * #{i : c is the chosen point nearest to x_i}

    Greedy selection favours outliers, so a plain mean over the chosen points is
    not that of the large batch. Weighted so, each chosen point stands for its
    cell, and the mean of w_c f(x_c) estimates the mean of f over the large batch:
    closely in the plane, in part where there are many dimensions (docs/coresets.md).

    Args:
        points: [N, D] of a static shape.
        indices: [k], which points were chosen.

    Returns:
        [k] float32 with mean 1. Ties go to the lowest position, so the second of
        two coinciding chosen points weighs 0.

    Raises:
        InputError: for wrong ranks or more indices than points.
    """
    positions, _ = nearest_chosen(points, indices)
    n, k = positions.shape[0], tf.convert_to_tensor(indices).shape[0]
    counts = tf.math.unsorted_segment_sum(tf.ones([n]), positions, k)
    return counts * (k / n)
