"""The losses and the regularizers, each with its equation.

The hinge loss, as tensorflow-gan has it, per example:

    L_D = w_r relu(1 - D(x)) + w_f relu(1 + D(G(z))),   L_G = -w_f D(G(z))

The sum over the examples of a replica is divided by the *global* batch, so that summing
gradients over replicas gives the mean over the global batch (tensorflow-gan divides by
the number of nonzero weights). Regularizers: BigGAN's orthogonal regularization and R1.
"""

import keras
import tensorflow as tf

from tf_smallgan.models.convolution import ClassEmbedding, Dense
from tf_smallgan.models.spectral_norm import kernels_of
from tf_smallgan.training.gan_library import tfgan

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


def regularized_weights(model: keras.Layer) -> list[tf.Tensor]:
    """Kernels [..., out] of `model` without the rows that a class looks up."""
    class_rows: dict[int, int] = {}
    for layer in model._flatten_layers():
        if isinstance(layer, ClassEmbedding):
            class_rows[id(layer.weight)] = layer.weight.kernel.shape[0]
        elif isinstance(layer, Dense):
            class_rows[id(layer.weight)] = layer.class_inputs
    weights = []
    for kernel in kernels_of(model):
        rows = class_rows.get(id(kernel), 0)
        if rows < kernel.kernel.shape[0]:
            weight = tf.convert_to_tensor(kernel.kernel)
            weights.append(weight[rows:] if rows else weight)
    return weights


def orthogonal_penalty(weight: tf.Tensor) -> tf.Tensor:
    """|| W'W o (1 - I) ||_F^2 of a kernel [..., out]."""
    matrix = tf.reshape(weight, [-1, weight.shape[-1]])
    inputs, outputs = matrix.shape
    if inputs < outputs:
        # || W'W ||_F = || W W' ||_F, and W'W is large: 2.3 GiB for the first layer
        # of BigGAN at 128 px.
        gram = tf.matmul(matrix, matrix, transpose_b=True)
        squared_norms = tf.reduce_sum(tf.square(matrix), axis=0)
        return tf.reduce_sum(tf.square(gram)) - tf.reduce_sum(tf.square(squared_norms))
    gram = tf.matmul(matrix, matrix, transpose_a=True)
    off_diagonal = tf.linalg.set_diag(gram, tf.zeros([gram.shape[0]]))
    return tf.reduce_sum(tf.square(off_diagonal))


def orthogonal_regularization(model: keras.Layer, beta: float) -> tf.Tensor:
    """The penalty summed over the model's kernels, times beta."""
    return beta * tf.add_n([orthogonal_penalty(w) for w in regularized_weights(model)])


def logits_and_slopes(
    discriminator: keras.Model, images: tf.Tensor, labels: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """D's logits [B] and each one's gradient by its own image, [B, ...].

    The gradient of the logits' sum is each example's own, as D has no batch norm and
    so no logit depends on another's image. An outer tape differentiates through it.

    Args:
      discriminator: called as in training.
      images: [B, ...].
      labels: [B] or None.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        logits = discriminator(images, labels, training=True)
    return logits, tape.gradient(logits, images)


def r1(slopes: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """1/2 sum_b w_b |slope_b|^2, of slopes [B, ...] and weights [B]; a scalar."""
    slopes = tf.cast(slopes, tf.float32)
    squared = tf.reduce_sum(tf.square(slopes), axis=list(range(1, slopes.shape.rank)))
    return 0.5 * tf.reduce_sum(weights * squared)
