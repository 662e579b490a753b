"""What a step measures of its own health, cheaply, inside of its graph.

Everything here is a sum over examples, replicas and D updates, so that the parts of
replicas add up to the value of the global batch.
"""

from collections.abc import Sequence

import tensorflow as tf

# How many replicas and updates of a step had values that are not finite: in the
# images that came in, in D's loss or gradients, in G's loss or gradients.
IMAGES = "nonfinite/images"
DISCRIMINATOR = "nonfinite/discriminator"
GENERATOR = "nonfinite/generator"
NONFINITE = (IMAGES, DISCRIMINATOR, GENERATOR)

REAL_MOMENTS, FAKE_MOMENTS = "moments/real", "moments/fake"
DIVERSITY = "diversity"

_LEAST_VARIANCE = 1e-12


def nonfinite(tensors: Sequence[tf.Tensor | tf.IndexedSlices]) -> tf.Tensor:
    """1 where any value is not finite or too large to square, else 0; a scalar.

    Squares, since Adam squares the gradient: what overflows there is as bad.
    """
    norms = [
        tf.nn.l2_loss(x.values if isinstance(x, tf.IndexedSlices) else x)
        for x in tensors
    ]
    healthy = tf.reduce_all(tf.math.is_finite(tf.stack(norms)))
    return 1.0 - tf.cast(healthy, tf.float32)


def moments(images: tf.Tensor, global_batch: int) -> tf.Tensor:
    """Sums of images [B, H, W, C] and of their squares over the global batch's size.

    Returns:
      [2, H, W, C] float32; over all replicas it adds up to the means of both.
    """
    images = tf.cast(images, tf.float32)
    sums = tf.stack([tf.reduce_sum(images, 0), tf.reduce_sum(images**2, 0)])
    return sums / global_batch


def with_earlier(
    update: dict[str, tf.Tensor], earlier: dict[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """A D update's metrics, in which the health of the updates before it counts."""
    counts = {k: update[k] + earlier[k] for k in NONFINITE if k in earlier}
    return update | counts


def with_diversity(metrics: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Replaces the moments by the diversity of the fakes, a scalar.

    Diversity is the fakes' standard deviation over the batch, root mean square over
    pixels, relative to that of the reals: 0 where all fakes are one image.
    """
    rest = dict(metrics)
    real, fake = rest.pop(REAL_MOMENTS), rest.pop(FAKE_MOMENTS)
    ratio = _variance(fake) / tf.maximum(_variance(real), _LEAST_VARIANCE)
    return rest | {DIVERSITY: tf.sqrt(ratio)}


def _variance(sums: tf.Tensor) -> tf.Tensor:
    """The mean over pixels of the variance over the batch, from `moments`."""
    return tf.reduce_mean(tf.maximum(sums[1] - sums[0] ** 2, 0.0))
