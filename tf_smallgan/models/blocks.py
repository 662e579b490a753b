"""The residual blocks of BigGAN's generator and discriminator (appendix B)."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.models.attention import SelfAttention
from tf_smallgan.models.batch_norm import BatchNormRelu, ConditionalBatchNormRelu
from tf_smallgan.models.convolution import (
    Convolution,
    add_upsampled,
    average_pool,
    upsample,
)
from tf_smallgan.models.recomputation import run_block


def settings_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments, for get_config."""
    left_out = ("self", "__class__")
    return {k: v for k, v in arguments.items() if k not in left_out}


def keep(model: keras.Model, layer: keras.layers.Layer) -> keras.layers.Layer:
    """Makes `layer` an attribute of `model`, named as itself.

    TensorFlow's checkpoints hold what attributes reach. Keras replaces a list or
    dict of layers by one that they do not see into, and nothing says so: the
    weights are left out of the checkpoint.
    """
    setattr(model, layer.name, layer)
    return layer


def attach_attention(
    model: Any, block: int, channels: int, size: int, **options: Any
) -> None:
    """Lets `model` attend after its block of that number, at `size` px."""
    layer = SelfAttention(channels, name=f"attention{size}", **options)
    model.attentions[str(block)] = keep(model, layer)


def attend(model: Any, block: int, images: tf.Tensor, training: bool) -> tf.Tensor:
    """What `model` makes of images after its block of that number."""
    if str(block) not in model.attentions:
        return images
    layer = model.attentions[str(block)]
    return run_block(layer, images, remat=model.remat, training=training)


def choose(given: Any, default: Any) -> Any:
    """What was given, or the architecture's default where nothing was."""
    return default if given is None else given


def chunk_size(latent_dim: int, slots: int) -> int:
    """The size of one of `slots` equal chunks of the latent.

    Raises:
      InputError: the latent does not divide.
    """
    if latent_dim % slots:
        nearest = latent_dim // slots * slots or slots
        raise InputError(
            f"--latent_dim={latent_dim} does not divide into {slots} chunks; "
            f"--latent_dim={nearest} does, or --noskip_latents."
        )
    return latent_dim // slots


def join_condition(
    class_embedding: tf.Tensor | None, chunk: tf.Tensor | None
) -> tf.Tensor | None:
    """What conditional batch norm sees: [class embedding, latent chunk]."""
    parts = [part for part in (class_embedding, chunk) if part is not None]
    return tf.concat(parts, axis=1) if parts else None


Norm = Callable[..., Any]


def make_norm(
    channels: int,
    condition: int,
    *,
    spectral: bool,
    name: str,
    class_inputs: int = 0,
    **statistics: Any,
) -> keras.layers.Layer:
    """Conditional batch norm, or the plain one where there is no condition.

    Args:
      channels: of the images.
      condition: size of the condition, 0 for none.
      spectral: normalise the kernels of gain and bias.
      class_inputs: the first so many of the condition are a class in one-hot form.
      statistics: options for `BatchStatistics`.
    """
    if condition == 0:
        return BatchNormRelu(channels, name=name, **statistics)
    return ConditionalBatchNormRelu(
        channels,
        condition,
        spectral=spectral,
        class_inputs=class_inputs,
        name=name,
        **statistics,
    )


class GeneratorBlock(keras.layers.Layer):
    """BN, ReLU, nearest x2, 3x3, BN, ReLU, 3x3; shortcut nearest x2, 1x1.

    Args:
      inputs, outputs: channels.
      norm: makes a normalisation of some channels (see `make_norm`).
      convolution: options for every convolution.

    Attributes:
      scale: how much larger the images get.
    """

    scale = 2

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        norm: Norm,
        convolution: dict[str, Any],
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)
        self.fused = convolution.get("fused", True)
        self.norm1 = norm(inputs, name="norm1")
        self.conv1 = Convolution(
            inputs, outputs, resample="up", name="conv1", **convolution
        )
        self.norm2 = norm(outputs, name="norm2")
        self.conv2 = Convolution(outputs, outputs, name="conv2", **convolution)
        self.shortcut = Convolution(inputs, outputs, 1, name="shortcut", **convolution)
        self.built = True

    def call(
        self,
        images: tf.Tensor,
        condition: tf.Tensor | None,
        training: bool = False,
        **mode: Any,
    ) -> tf.Tensor:
        h = self.norm1(images, condition, training=training, **mode)
        h = self.conv1(h, training=training)
        h = self.norm2(h, condition, training=training, **mode)
        h = self.conv2(h, training=training)
        if self.fused:
            return add_upsampled(h, self.shortcut(images, training=training))
        return h + self.shortcut(upsample(images), training=training)


class DiscriminatorBlock(keras.layers.Layer):
    """ReLU (but in the first), 3x3, ReLU, 3x3, pool; shortcut 1x1 and pool.

    The shortcut is the identity where neither shape nor channels change.

    Args:
      inputs, outputs: channels.
      down: halve the resolution.
      preactivation: start with a ReLU.
      convolution: options for every convolution.
      hidden: channels between the two 3x3; `outputs` by default.
      pool_shortcut: where only the resolution changes, pool without a 1x1.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        down: bool,
        preactivation: bool,
        convolution: dict[str, Any],
        hidden: int | None = None,
        pool_shortcut: bool = False,
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)
        self.preactivation, self.down = preactivation, down
        resample = "down" if down else ""
        hidden = hidden or outputs
        self.conv1 = Convolution(inputs, hidden, name="conv1", **convolution)
        self.conv2 = Convolution(
            hidden, outputs, resample=resample, name="conv2", **convolution
        )
        self.shortcut = (
            Convolution(
                inputs, outputs, 1, resample=resample, name="shortcut", **convolution
            )
            if inputs != outputs or (down and not pool_shortcut)
            else None
        )
        self.built = True

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        h = tf.nn.relu(images) if self.preactivation else images
        h = tf.nn.relu(self.conv1(h, training=training))
        h = self.conv2(h, training=training)
        if self.shortcut is not None:
            return h + self.shortcut(images, training=training)
        return h + (average_pool(images) if self.down else images)
