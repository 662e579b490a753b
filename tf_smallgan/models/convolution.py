"""Convolutions, dense layers and the exact algebra of resampling ones.

Nearest x2 upsampling followed by a 3x3 convolution is a 4x4 stride-2 transposed
convolution, and a 3x3 convolution followed by 2x2 average pooling is a 4x4
stride-2 convolution. Along one axis, with K the 3-tap kernel,

    transposed: F[t] = K[2 - t] + K[3 - t]        (K is 0 outside 0..2)
    pooled:     F[t] = (K[t] + K[t - 1]) / 2

and a 2-D kernel does this along both axes. Both need 16 products where the plain
form needs 36.
"""

import keras
import numpy as np
import tensorflow as tf

from tf_smallgan.models.spectral_norm import Kernel

# [4, 3]: which of the three taps each of the four sums, along one axis.
_TAPS_UP = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float32)
_TAPS_DOWN = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], np.float32) / 2


def _four_by_four(kernel: tf.Tensor, taps: np.ndarray) -> tf.Tensor:
    """[3, 3, I, O] -> [4, 4, I, O] by `taps` along both axes, as one product."""
    inputs, outputs = kernel.shape[2:]
    both = tf.constant(np.kron(taps, taps), kernel.dtype)
    flat = tf.matmul(both, tf.reshape(kernel, [9, inputs * outputs]))
    return tf.reshape(flat, [4, 4, inputs, outputs])


def upsample(images: tf.Tensor) -> tf.Tensor:
    """Nearest x2: [B, H, W, C] -> [B, 2H, 2W, C]."""
    _, height, width, channels = images.shape
    wide = tf.broadcast_to(
        images[:, :, None, :, None, :],
        [tf.shape(images)[0], height, 2, width, 2, channels],
    )
    return tf.reshape(wide, [-1, 2 * height, 2 * width, channels])


@tf.custom_gradient
def add_upsampled(images: tf.Tensor, small: tf.Tensor) -> tf.Tensor:
    """images [B, 2H, 2W, C] + upsample(small [B, H, W, C]), never materialised."""
    _, height, width, channels = small.shape
    split = tf.reshape(images, [-1, height, 2, width, 2, channels])
    total = split + small[:, :, None, :, None, :]

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # The sum over 2x2; by reduce_sum it takes ten times as long on CPU.
        return upstream, 4 * average_pool(upstream)

    return tf.reshape(total, [-1, 2 * height, 2 * width, channels]), gradient


def average_pool(images: tf.Tensor) -> tf.Tensor:
    """2x2 average pooling: [B, 2H, 2W, C] -> [B, H, W, C]."""
    return tf.nn.avg_pool2d(images, 2, 2, "SAME")


def convolve(images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Stride 1, zero padding that keeps the size."""
    return tf.nn.conv2d(images, kernel, 1, "SAME")


def upsampling_kernel(kernel: tf.Tensor) -> tf.Tensor:
    """[3, 3, I, O] -> [4, 4, O, I], what the transposed convolution takes."""
    return tf.transpose(_four_by_four(kernel, _TAPS_UP), [0, 1, 3, 2])


def pooling_kernel(kernel: tf.Tensor) -> tf.Tensor:
    """[3, 3, I, O] -> [4, 4, I, O], what the stride-2 convolution takes."""
    return _four_by_four(kernel, _TAPS_DOWN)


def convolve_transposed(images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Stride-2 transposed convolution with kernel [4, 4, O, I]."""
    _, height, width, _ = images.shape
    shape = [tf.shape(images)[0], 2 * height, 2 * width, kernel.shape[2]]
    return tf.nn.conv2d_transpose(images, kernel, shape, 2, "SAME")


def convolve_strided(images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Stride-2 convolution with kernel [4, 4, I, O]."""
    # "SAME", not explicit padding: the gradient of the latter is 10 to 50 times
    # slower on CPU.
    return tf.nn.conv2d(images, kernel, 2, "SAME")


def add_bias(images: tf.Tensor, bias: tf.Variable, training: bool) -> tf.Tensor:
    """images [B, H, W, O] + bias [O], in the type of the images."""
    shift = tf.cast(bias, images.dtype)
    if not training or images.dtype == tf.float32:
        return tf.nn.bias_add(images, shift)
    outputs = tf.nn.bias_add(images, tf.stop_gradient(shift))
    return _with_gradient_for(outputs, shift)


@tf.custom_gradient
def _with_gradient_for(outputs: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """`outputs` [B, H, W, O], to which `bias` [O] was added without a gradient.

    The gradient of bias_add itself sums in bfloat16 on CPU, and stops at 256 ones.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # This sum is float32 inside.
        return upstream, tf.reduce_sum(upstream, [0, 1, 2])

    return tf.identity(outputs), gradient


class Convolution(keras.layers.Layer):
    """A 1x1 or 3x3 convolution, optionally resampling by 2.

    Args:
      inputs: channels in.
      outputs: channels out.
      size: 1 or 3.
      resample: "" for none, "up" for nearest x2 first, "down" for 2x2 average
        pooling after.
      fused: use the exact algebra above; off to compare with the plain form.
      spectral: normalise the kernel.
      use_bias: add a bias.
      compute_dtype: what the convolution runs in; weights are float32.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int = 3,
        *,
        resample: str = "",
        fused: bool = True,
        spectral: bool = True,
        use_bias: bool = True,
        compute_dtype: str = "float32",
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)
        self.size, self.resample, self.fused = size, resample, fused
        self.compute = compute_dtype
        self.weight = Kernel(
            (size, size, inputs, outputs), spectral=spectral, name="weight"
        )
        self.bias = (
            self.add_weight(
                shape=(outputs,), initializer="zeros", dtype="float32", name="bias"
            )
            if use_bias
            else None
        )
        self.operand: tf.Variable | None = None
        self.built = True

    def fold(self) -> None:
        """Keeps the kernel that the operation multiplies by; for inference only.

        Spectral norm, the fused form and the compute type are worked out once
        instead of at every call. The layer can then neither be trained nor restored.
        """
        kernel = self._operand(self.weight.normalized(training=False))
        self.operand = tf.Variable(
            tf.cast(kernel, self.compute), trainable=False, name="operand"
        )

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        if self.operand is not None:
            operand = tf.convert_to_tensor(self.operand)
        else:
            kernel = self.weight.normalized(training)
            operand = tf.cast(self._operand(kernel), self.compute)
        outputs = self._apply(tf.cast(images, self.compute), operand)
        if self.bias is None:
            return outputs
        return add_bias(outputs, self.bias, training)

    def _operand(self, kernel: tf.Tensor) -> tf.Tensor:
        """What the operation multiplies by, from the normalised kernel."""
        if self.fused and self.size > 1 and self.resample:
            up = self.resample == "up"
            return upsampling_kernel(kernel) if up else pooling_kernel(kernel)
        return kernel

    def _apply(self, images: tf.Tensor, operand: tf.Tensor) -> tf.Tensor:
        if self.size == 1:
            return self._pointwise(images, operand)
        if self.fused and self.resample == "up":
            return convolve_transposed(images, operand)
        if self.fused and self.resample == "down":
            return convolve_strided(images, operand)
        if self.resample == "up":
            images = upsample(images)
        outputs = convolve(images, operand)
        return average_pool(outputs) if self.resample == "down" else outputs

    def _pointwise(self, images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """1x1 commutes with both resamplings: run it at the lower resolution."""
        if self.resample == "down" and self.fused:
            return convolve(average_pool(images), kernel)
        if self.resample == "up" and self.fused:
            return upsample(convolve(images, kernel))
        if self.resample == "up":
            return convolve(upsample(images), kernel)
        outputs = convolve(images, kernel)
        return average_pool(outputs) if self.resample == "down" else outputs


class Dense(keras.layers.Layer):
    """A linear layer [B, inputs] -> [B, outputs] in float32.

    Attributes:
      class_inputs: how many inputs, the first ones, are a class in one-hot form; as
        many of the kernel's first rows are a class embedding.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        spectral: bool = True,
        use_bias: bool = True,
        class_inputs: int = 0,
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)
        self.class_inputs = class_inputs
        self.weight = Kernel((inputs, outputs), spectral=spectral, name="weight")
        self.bias = (
            self.add_weight(
                shape=(outputs,), initializer="zeros", dtype="float32", name="bias"
            )
            if use_bias
            else None
        )
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        outputs = tf.matmul(inputs, self.weight.normalized(training))
        return outputs if self.bias is None else outputs + self.bias


class ClassEmbedding(keras.layers.Layer):
    """A table [K, outputs] looked up by labels [B] int32."""

    def __init__(
        self, classes: int, outputs: int, *, spectral: bool, name: str | None = None
    ):
        super().__init__(name=name, autocast=False)
        self.weight = Kernel((classes, outputs), spectral=spectral, name="weight")
        self.built = True

    def call(self, labels: tf.Tensor, training: bool = False) -> tf.Tensor:
        # Dividing what was looked up by sigma spares a pass over the table.
        rows = tf.gather(tf.convert_to_tensor(self.weight.kernel), labels)
        return rows / self.weight.sigma(training)
