"""The hinge loss, as tensorflow-gan has it, per example.

    L_D = w_r relu(1 - D(x)) + w_f relu(1 + D(G(z))),   L_G = -w_f D(G(z))

The sum over the examples of a replica is divided by the *global* batch, so that
summing gradients over replicas gives the mean over the global batch. tensorflow-gan
alone would divide by the number of nonzero weights.
"""

import tensorflow as tf

from tf_smallgan.gan_library import tfgan

_NONE = tf.compat.v1.losses.Reduction.NONE


def discriminator_loss(
    real_logits: tf.Tensor,
    fake_logits: tf.Tensor,
    real_weights: tf.Tensor,
    fake_weights: tf.Tensor,
    global_batch: int,
) -> tf.Tensor:
    """D's hinge loss; all arguments [B], the result a scalar."""
    losses = tfgan.losses.wargs.wasserstein_hinge_discriminator_loss(
        real_logits,
        fake_logits,
        real_weights=real_weights,
        generated_weights=fake_weights,
        loss_collection=None,
        reduction=_NONE,
    )
    return tf.reduce_sum(losses) / global_batch


def generator_loss(
    fake_logits: tf.Tensor, fake_weights: tf.Tensor, global_batch: int
) -> tf.Tensor:
    """G's hinge loss; arguments [B], the result a scalar."""
    losses = tfgan.losses.wargs.wasserstein_hinge_generator_loss(
        fake_logits, weights=fake_weights, loss_collection=None, reduction=_NONE
    )
    return tf.reduce_sum(losses) / global_batch
