"""The bottleneck blocks of BigGAN-deep (Brock et al. 2019, appendix B, figure 16).

Both squeeze the channels to a quarter for their two 3x3 convolutions, and both have
shortcuts without weights where channels are not added.
"""

from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.models.blocks import Norm
from tf_smallgan.models.convolution import (
    Convolution,
    add_bias,
    add_upsampled,
    average_pool,
    upsample,
)

RATIO = 4


class DeepGeneratorBlock(keras.layers.Layer):
    """1x1, (nearest x2,) 3x3, 3x3, 1x1, BN and ReLU before each.

    The shortcut keeps the first channels, drops the rest and is upsampled.

    Args:
      inputs, outputs: channels.
      up: double the resolution.
      norm: makes a normalisation of some channels (see `blocks.make_norm`).
      convolution: options for every convolution.

    Attributes:
      scale: how much larger the images get.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        up: bool,
        norm: Norm,
        convolution: dict[str, Any],
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)
        self.outputs, self.scale = outputs, 2 if up else 1
        self.fused = convolution.get("fused", True)
        hidden = max(inputs // RATIO, 1)
        self.norm1 = norm(inputs, name="norm1")
        self.conv1 = Convolution(inputs, hidden, 1, name="conv1", **convolution)
        self.norm2 = norm(hidden, name="norm2")
        self.conv2 = Convolution(
            hidden, hidden, resample="up" if up else "", name="conv2", **convolution
        )
        self.norm3 = norm(hidden, name="norm3")
        self.conv3 = Convolution(hidden, hidden, name="conv3", **convolution)
        self.norm4 = norm(hidden, name="norm4")
        self.conv4 = Convolution(hidden, outputs, 1, name="conv4", **convolution)
        self.built = True

    def call(
        self,
        images: tf.Tensor,
        condition: tf.Tensor | None,
        training: bool = False,
        **mode: Any,
    ) -> tf.Tensor:
        h = images
        for norm, convolution in (
            (self.norm1, self.conv1),
            (self.norm2, self.conv2),
            (self.norm3, self.conv3),
            (self.norm4, self.conv4),
        ):
            h = norm(h, condition, training=training, **mode)
            h = convolution(h, training=training)
        kept = images[..., : self.outputs]
        if self.scale == 1:
            return h + kept
        return add_upsampled(h, kept) if self.fused else h + upsample(kept)


class DeepDiscriminatorBlock(keras.layers.Layer):
    """1x1, 3x3, 3x3, (2x2 average pool,) 1x1, ReLU before each convolution.

    The ReLU comes before the pool, so that no convolution can take it in. The
    shortcut is pooled, and a 1x1 of it adds the channels that are missing.

    Args:
      inputs, outputs: channels; outputs are no fewer.
      down: halve the resolution.
      convolution: options for every convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        down: bool,
        convolution: dict[str, Any],
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)
        self.down = down
        hidden = max(outputs // RATIO, 1)
        self.conv1 = Convolution(inputs, hidden, 1, name="conv1", **convolution)
        self.conv2 = Convolution(hidden, hidden, name="conv2", **convolution)
        self.conv3 = Convolution(hidden, hidden, name="conv3", **convolution)
        self.conv4 = Convolution(
            hidden,
            outputs,
            1,
            resample="down" if down else "",
            name="conv4",
            **convolution,
        )
        self.extra = (
            Convolution(inputs, outputs - inputs, 1, name="extra", **convolution)
            if outputs > inputs
            else None
        )
        self.built = True

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        h = images
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            h = convolution(tf.nn.relu(h), training=training)
        shortcut = average_pool(images) if self.down else images
        if self.extra is not None:
            added = self.extra(shortcut, training=training)
            shortcut = tf.concat([shortcut, added], axis=-1)
        return h + shortcut


class CutConvolution(Convolution):
    """The first `kept` channels of a convolution that has more.

    The others are never computed: they matter only through the kernel's norm.
    """

    def __init__(self, inputs: int, outputs: int, *, kept: int, **options: Any):
        super().__init__(inputs, outputs, use_bias=False, **options)
        self.kept = kept
        self.whole_bias = self.add_weight(
            shape=(outputs,), initializer="zeros", dtype="float32", name="bias"
        )

    def _operand(self, kernel: tf.Tensor) -> tf.Tensor:
        return super()._operand(kernel[..., : self.kept])

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        outputs = super().call(images, training=training)
        bias = tf.convert_to_tensor(self.whole_bias)[: self.kept]
        return add_bias(outputs, bias, training)
