"""The covering radius: how far the worst point is from the selection."""

import tensorflow as tf

from tf_smallgan.coreset.nearest import nearest_chosen
from tf_smallgan.coreset.uniform import uniform


def covering_radius(points: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """The largest distance of any point to its nearest chosen point.

    Args:
        points: [N, D] of a static shape.
        indices: [k], which points were chosen.

    Returns:
        A scalar float32, in the points' units.
    """
    _, squared = nearest_chosen(points, indices)
    return tf.sqrt(tf.reduce_max(squared))


def radius_report(
    points: tf.Tensor, indices: tf.Tensor, seed: tf.Tensor
) -> dict[str, tf.Tensor]:
    """The covering radius against that of a uniform subset of the same size.

    Args:
        points: [N, D] of a static shape.
        indices: [k], which points were chosen.
        seed: [2] integers, draws the uniform subset.

    Returns:
        Scalars by the names to log them under: `radius`, `radius_uniform` and
        `radius_ratio`, the first over the second, below 1 where selection covers
        better (0 where both radii are 0).
    """
    indices = tf.convert_to_tensor(indices)
    radius = covering_radius(points, indices)
    reference = covering_radius(points, uniform(points, indices.shape[0], seed))
    return {
        "radius": radius,
        "radius_uniform": reference,
        "radius_ratio": tf.math.divide_no_nan(radius, reference),
    }
