"""BigGAN's orthogonal regularisation of the generator (section 3.1).

    R(W) = beta * || W'W o (1 - I) ||_F^2

on every kernel flattened to [fan_in, out], class embeddings excluded: it makes
the generator amenable to truncation without tying the norms of its filters.
"""

import keras
import tensorflow as tf

from tf_smallgan.models.convolution import ClassEmbedding
from tf_smallgan.models.spectral_norm import Kernel, kernels_of


def regularized_kernels(model: keras.Layer) -> list[Kernel]:
    """Kernels of `model` but for those of class embeddings."""
    tables = {
        id(layer.weight)
        for layer in model._flatten_layers()
        if isinstance(layer, ClassEmbedding)
    }
    return [kernel for kernel in kernels_of(model) if id(kernel) not in tables]


def orthogonal_penalty(weight: tf.Tensor) -> tf.Tensor:
    """|| W'W o (1 - I) ||_F^2 of a kernel [..., out]."""
    matrix = tf.reshape(weight, [-1, weight.shape[-1]])
    gram = tf.matmul(matrix, matrix, transpose_a=True)
    off_diagonal = tf.linalg.set_diag(gram, tf.zeros([gram.shape[0]]))
    return tf.reduce_sum(tf.square(off_diagonal))


def orthogonal_regularization(model: keras.Layer, beta: float) -> tf.Tensor:
    """The penalty summed over the model's kernels, times beta."""
    kernels = regularized_kernels(model)
    penalties = [orthogonal_penalty(tf.convert_to_tensor(k.kernel)) for k in kernels]
    return beta * tf.add_n(penalties)
