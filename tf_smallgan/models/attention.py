"""Self-attention as in SAGAN (Zhang et al. 2019), at BigGAN's sizes.

    o = W_o (g(x) softmax(theta(x)' phi(x))'),   y = gamma * o + x

theta and phi have C/8 channels, g has C/2; phi and g are max-pooled 2x2; all four
are bias-free, spectrally normalised 1x1 convolutions; gamma starts at 0.
"""

import keras
import tensorflow as tf

from tf_smallgan.models.convolution import Convolution


class SelfAttention(keras.layers.Layer):
    """Adds what attends from everywhere: [B, H, W, C] -> [B, H, W, C]."""

    def __init__(
        self,
        channels: int,
        *,
        spectral: bool = True,
        compute_dtype: str = "float32",
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)

        def pointwise(inputs: int, outputs: int, name: str) -> Convolution:
            return Convolution(
                inputs,
                outputs,
                1,
                use_bias=False,
                spectral=spectral,
                compute_dtype=compute_dtype,
                name=name,
            )

        self.theta = pointwise(channels, max(channels // 8, 1), "theta")
        self.phi = pointwise(channels, max(channels // 8, 1), "phi")
        self.g = pointwise(channels, channels // 2, "g")
        self.out = pointwise(channels // 2, channels, "out")
        self.gamma = self.add_weight(
            shape=(), initializer="zeros", dtype="float32", name="gamma"
        )
        self.built = True

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        query = _positions(self.theta(images, training=training))
        key = _positions(_max_pool(self.phi(images, training=training)))
        value = _positions(_max_pool(self.g(images, training=training)))
        _, height, width, channels = images.shape
        mixed = tf.reshape(
            attend(query, key, value), [-1, height, width, channels // 2]
        )
        attended = self.out(mixed, training=training)
        return tf.cast(self.gamma, images.dtype) * attended + images


@tf.custom_gradient
def attend(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """softmax(Q K') V for query [B, N, D], key [B, M, D], value [B, M, C]: [B, N, C].

    With P = softmax(S) and O = P V, the gradient of S is P o (dO V' - r), where r is
    each row's sum of P o (dO V') and so of dO o O.

    All tensors are float32 inside: bfloat16 has three digits, too few to sum over
    thousands of positions, and on a CPU turning what is [B, N, M] from one into the
    other takes longer than bfloat16 products save.
    """
    dtype = query.dtype
    query, key, value = (tf.cast(x, tf.float32) for x in (query, key, value))
    # P's rows sum to 1, so that a shift of V comes out as it went in. Without it dO V'
    # and r may be large and cancel, which the rounded factors of products on a TPU
    # (bfloat16) or a GPU (TF32) do not survive.
    middle = tf.reduce_mean(value, axis=1, keepdims=True)
    value -= middle
    share = tf.nn.softmax(tf.matmul(query, key, transpose_b=True))
    mixed = tf.matmul(share, value)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        upstream = tf.cast(upstream, tf.float32)
        row = tf.reduce_sum(upstream * mixed, axis=-1, keepdims=True)
        # With r as a further channel one product gives the difference, and what is
        # [B, N, M] is not passed over for it.
        slopes = tf.matmul(
            tf.concat([upstream, -row], axis=-1),
            tf.concat([value, tf.ones_like(value[..., :1])], axis=-1),
            transpose_b=True,
        )
        logits_gradient = share * slopes
        parts = (
            tf.matmul(logits_gradient, key),
            tf.matmul(logits_gradient, query, transpose_a=True),
            tf.matmul(share, upstream, transpose_a=True),
        )
        return tuple(tf.cast(part, dtype) for part in parts)

    return tf.cast(mixed + middle, dtype), gradient


def _positions(images: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] -> [B, H * W, C]."""
    _, height, width, channels = images.shape
    return tf.reshape(images, [-1, height * width, channels])


def _max_pool(images: tf.Tensor) -> tf.Tensor:
    return tf.nn.max_pool2d(images, 2, 2, "SAME")
