"""Penalties on what the losses leave free.

BigGAN's orthogonal regularisation of the generator (section 3.1):

    R(W) = beta * || W'W o (1 - I) ||_F^2

on every kernel flattened to [fan_in, out], class embeddings excluded: it makes
the generator amenable to truncation without tying the norms of its filters. The
rows of gains and biases a class, which batch norms without a shared embedding have,
are class embeddings too: no latent passes through them.

R1 of the discriminator (Mescheder et al. 2018, arXiv 1801.04406):

    R1 = 1/2 E |grad_x D(x)|^2   over real images,

a zero-centred gradient penalty: D may not stay steep where the data lie.
"""

import keras
import tensorflow as tf

from tf_smallgan.models.convolution import ClassEmbedding, Dense
from tf_smallgan.models.spectral_norm import kernels_of


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
