"""Batch norm with statistics over all replicas, and its conditional form.

    y = gain * (x - mean) / sqrt(variance + epsilon) + bias

Where statistics are given, or are those of several replicas, they and the gain are
folded into one scale and shift a channel, or a channel and an example, so that an
activation is read once:

    y = x * scale + shift,   scale = gain / sqrt(variance + epsilon),
                             shift = bias - mean * scale

On one replica TensorFlow's fused batch norm takes the moments and normalises in one
operation, with a gradient of its own: autodiff's way from the moments back would read
and write each activation four times more. Statistics are float32 in both forms.
"""

from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.models.convolution import Dense


@tf.custom_gradient
def _local_moments(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance [C] of images [B, H, W, C] on this replica, float32.

    Of differences: a mean square less the squared mean cancels where a mean is far
    from 0. Its gradient needs the images alone, and so keeps no second activation.
    """
    values = tf.cast(images, tf.float32)
    mean = tf.reduce_mean(values, [0, 1, 2])
    variance = tf.reduce_mean(tf.square(values - mean), [0, 1, 2])

    def gradient(by_mean: tf.Tensor, by_variance: tf.Tensor) -> tf.Tensor:
        values = tf.cast(images, tf.float32)
        count = tf.cast(tf.size(values) // values.shape[-1], tf.float32)
        whole = (by_mean + 2.0 * (values - mean) * by_variance) / count
        return tf.cast(whole, images.dtype)

    return (mean, variance), gradient


def batch_moments(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance [C] of images [B, H, W, C] over all replicas, float32."""
    mean, variance = _local_moments(images)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return mean, variance
    # In one reduction. All that cancels here is the rounding of two numbers: a mean of
    # a hundred deviations costs the variance a thousandth, of a thousand some percent.
    both = tf.stack([mean, variance + tf.square(mean)])
    both = context.all_reduce(tf.distribute.ReduceOp.MEAN, both)
    mean, square = both[0], both[1]
    return mean, tf.maximum(square - tf.square(mean), 0.0)


def normalize_by_batch(
    images: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Normalises by this replica's own moments, in one operation.

    Args:
      images: [B, H, W, C].
      epsilon: added to the variance.

    Returns:
      (x - mean) / sqrt(variance + epsilon) [B, H, W, C], and mean and variance [C]
      float32, which carry no gradient of their own.
    """
    channels = images.shape[-1]
    fused = tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=tf.ones([channels]),
        offset=tf.zeros([channels]),
        mean=[],
        variance=[],
        epsilon=epsilon,
        is_training=True,
    )
    # The operation gives the variance that is unbiased: over count - 1.
    count = tf.cast(tf.size(images) // channels, tf.float32)
    variance = fused.batch_variance * (tf.maximum(count - 1.0, 1.0) / count)
    return fused.y, tf.stop_gradient(fused.batch_mean), tf.stop_gradient(variance)


def _is_one_replica() -> bool:
    context = tf.distribute.get_replica_context()
    return context is not None and context.num_replicas_in_sync == 1


class BatchStatistics(keras.layers.Layer):
    """Keeps the mean and variance of a channel, and says which to use.

    Attributes:
      moving_mean, moving_variance: [C] averages over training steps; sampling
        overwrites them with standing statistics (sampling/standing.py).
      table_mean, table_variance: [T, C] standing statistics at each of
        `truncations`, or None. With a table, sampling interpolates by truncation.
    """

    def __init__(
        self,
        channels: int,
        *,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        truncations: tuple[float, ...] = (),
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)
        self.momentum, self.epsilon = momentum, epsilon
        self.moving_mean = self._statistic("moving_mean", (channels,), "zeros")
        self.moving_variance = self._statistic("moving_variance", (channels,), "ones")
        self.truncations = tuple(truncations)
        self.table_mean = self.table_variance = None
        if self.truncations:
            shape = (len(self.truncations), channels)
            self.table_mean = self._statistic("table_mean", shape, "zeros")
            self.table_variance = self._statistic("table_variance", shape, "ones")
        self.last_moments: tuple[tf.Tensor, tf.Tensor] | None = None
        self.built = True

    def _statistic(self, name: str, shape: tuple[int, ...], initializer: str) -> Any:
        # All replicas see the same synchronised moments, so each keeps its copy.
        return keras.Variable(
            keras.initializers.get(initializer),
            shape=shape,
            dtype="float32",
            trainable=False,
            synchronization="on_read",
            aggregation="only_first_replica",
            name=name,
        )

    def call(
        self,
        images: tf.Tensor,
        training: bool = False,
        batch_statistics: bool = False,
        truncation: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """What to normalise, and how: images, mean and 1 / sqrt(variance + epsilon).

        The latter two are [C], or [B, C] from the table; 0 and 1 for images that come
        back normalised.
        """
        if training or batch_statistics:
            return self._by_batch(images, training)
        if self.table_mean is not None and truncation is not None:
            mean = interpolate(self.truncations, self.table_mean, truncation)
            variance = interpolate(self.truncations, self.table_variance, truncation)
        else:
            mean = tf.convert_to_tensor(self.moving_mean)
            variance = tf.convert_to_tensor(self.moving_variance)
        return images, mean, tf.math.rsqrt(variance + self.epsilon)

    def _by_batch(
        self, images: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        if _is_one_replica():
            images, mean, variance = normalize_by_batch(images, self.epsilon)
            left = (tf.zeros_like(mean), tf.ones_like(mean))
        else:
            mean, variance = batch_moments(images)
            left = (mean, tf.math.rsqrt(variance + self.epsilon))
        self.last_moments = (mean, variance)
        if training:
            self._update(mean, variance)
        return images, *left

    def _update(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        keep = self.momentum
        for moving, new in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            old = tf.convert_to_tensor(moving)
            moving.assign(old * keep + tf.stop_gradient(new) * (1 - keep))


def interpolate(
    grid: tuple[float, ...], table: tf.Tensor, position: tf.Tensor
) -> tf.Tensor:
    """Rows of table [T, C] at positions [B] of a rising grid [T], linearly.

    Positions beyond the ends take the end's row. At a position between two grid
    points the nearer one weighs more.
    """
    points = tf.constant(grid, tf.float32)
    table = tf.convert_to_tensor(table)
    if len(grid) == 1:
        return tf.repeat(table, tf.shape(position)[0], axis=0)
    upper = tf.searchsorted(points, position, side="left")
    upper = tf.clip_by_value(upper, 1, len(grid) - 1)
    low, high = tf.gather(points, upper - 1), tf.gather(points, upper)
    share = tf.clip_by_value((position - low) / (high - low), 0.0, 1.0)[:, None]
    below, above = tf.gather(table, upper - 1), tf.gather(table, upper)
    return below * (1 - share) + above * share


def normalize_relu(images: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """relu(images [B, H, W, C] * scale + shift), scale and shift [C] or [B, C]."""
    if scale.shape.rank == 2:
        scale, shift = scale[:, None, None, :], shift[:, None, None, :]
    scale, shift = tf.cast(scale, images.dtype), tf.cast(shift, images.dtype)
    return tf.nn.relu(images * scale + shift)


class BatchNormRelu(keras.layers.Layer):
    """Batch norm with a trained gain and bias a channel, then ReLU."""

    def __init__(self, channels: int, *, name: str | None = None, **statistics: Any):
        super().__init__(name=name, autocast=False)
        self.statistics = BatchStatistics(channels, name="statistics", **statistics)
        self.gain = self.add_weight(
            shape=(channels,), initializer="ones", dtype="float32", name="gain"
        )
        self.bias = self.add_weight(
            shape=(channels,), initializer="zeros", dtype="float32", name="bias"
        )
        self.built = True

    def call(
        self,
        images: tf.Tensor,
        condition: tf.Tensor | None = None,
        training: bool = False,
        **mode: Any,
    ) -> tf.Tensor:
        images, mean, inverse = self.statistics(images, training=training, **mode)
        scale = tf.convert_to_tensor(self.gain) * inverse
        return normalize_relu(images, scale, self.bias - mean * scale)


class ConditionalBatchNormRelu(keras.layers.Layer):
    """Batch norm whose gain and bias are linear in a condition, then ReLU.

        gain = 1 + W_g c,   bias = W_b c

    Both bias-free and spectrally normalised (BigGAN, appendix B; the condition c
    is the class embedding next to a chunk of the latent).
    """

    def __init__(
        self,
        channels: int,
        condition: int,
        *,
        spectral: bool = True,
        class_inputs: int = 0,
        name: str | None = None,
        **statistics: Any,
    ):
        super().__init__(name=name, autocast=False)
        self.statistics = BatchStatistics(channels, name="statistics", **statistics)
        options: dict[str, Any] = {"spectral": spectral, "class_inputs": class_inputs}
        options["use_bias"] = False
        self.gain = Dense(condition, channels, name="gain", **options)
        self.bias = Dense(condition, channels, name="bias", **options)
        self.built = True

    def call(
        self,
        images: tf.Tensor,
        condition: tf.Tensor | None,
        training: bool = False,
        **mode: Any,
    ) -> tf.Tensor:
        images, mean, inverse = self.statistics(images, training=training, **mode)
        scale = (1.0 + self.gain(condition, training=training)) * inverse
        shift = self.bias(condition, training=training) - mean * scale
        return normalize_relu(images, scale, shift)


def statistics_of(model: keras.Layer) -> list[BatchStatistics]:
    """All batch norm statistics of a model, in the order of their making."""
    return [x for x in model._flatten_layers() if isinstance(x, BatchStatistics)]
