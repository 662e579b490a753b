"""Residual BigGAN (Brock et al. 2019, appendix B, figure 15)."""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.models.architectures import (
    BASE_RESOLUTION,
    CLASS_EMBEDDING_DIM,
    architecture_of,
)
from tf_smallgan.models.attention import SelfAttention
from tf_smallgan.models.batch_norm import BatchNormRelu
from tf_smallgan.models.blocks import DiscriminatorBlock, GeneratorBlock, make_norm
from tf_smallgan.models.convolution import ClassEmbedding, Convolution, Dense


@keras.saving.register_keras_serializable("tf_smallgan.biggan")
class Generator(keras.Model):
    """Latents [B, Z] and labels [B] to images [B, H, W, C] in [-1, 1].

    Args:
      resolution: 32, 64, 128, 256 or 512 px.
      image_channels: 1 or 3.
      num_classes: K, 0 for an unconditional generator.
      channel_multiplier: width ch; the architecture's by default.
      latent_dim: Z; the architecture's by default. With `skip_latents` it is cut
        into equal chunks, one for the first layer and one for each block.
      attention: resolutions with self-attention; the architecture's by default.
      shared_embedding: one class embedding for all conditional batch norms, which
        are then linear in it; else each has a table of its own.
      skip_latents: give each block its chunk of the latent.
      fused: exact algebra for resampling convolutions.
      precision: compute type; weights and statistics stay float32.
      truncations: grid of a table of standing statistics, for exported or imported
        generators.
      epsilon: batch norm's.

    Raises:
      InputError: no such resolution, or a latent that does not divide.
    """

    def __init__(
        self,
        resolution: int,
        *,
        image_channels: int = 3,
        num_classes: int = 0,
        channel_multiplier: int | None = None,
        latent_dim: int | None = None,
        attention: Sequence[int] | None = None,
        shared_embedding: bool = True,
        skip_latents: bool = True,
        fused: bool = True,
        precision: str = "float32",
        truncations: Sequence[float] = (),
        epsilon: float = 1e-5,
        name: str = "generator",
    ):
        super().__init__(name=name)
        self._settings = _settings_of(locals())
        row = architecture_of("biggan", resolution)
        ch = channel_multiplier or row.channel_multiplier
        widths = [ch * w for w in row.generator]
        self.precision = precision
        self.latent_dim = latent_dim or row.latent_dim
        self.num_classes = num_classes
        self.shared_embedding = shared_embedding
        self.slots = len(widths) if skip_latents else 1
        self.chunk = chunk_size(self.latent_dim, self.slots)
        condition = self._condition_size(skip_latents)
        self.embedding = (
            ClassEmbedding(
                num_classes, CLASS_EMBEDDING_DIM, spectral=False, name="embedding"
            )
            if num_classes and shared_embedding
            else None
        )
        statistics: dict[str, Any] = {"epsilon": epsilon, "truncations": tuple(truncations)}
        self.first_width = widths[0]
        self.first = Dense(self.chunk, BASE_RESOLUTION**2 * widths[0], name="first")
        norm = functools.partial(
            make_norm, condition=condition, spectral=shared_embedding, **statistics
        )
        options: dict[str, Any] = {"fused": fused, "compute_dtype": precision}
        attended = row.generator_attention if attention is None else attention
        self.blocks, self.attentions = [], {}
        size = BASE_RESOLUTION
        for i, (inputs, outputs) in enumerate(zip(widths[:-1], widths[1:])):
            block = GeneratorBlock(
                inputs, outputs, norm=norm, convolution=options, name=f"block{i}"
            )
            self.blocks.append(keep(self, block))
            size *= 2
            if size in attended:
                attention = SelfAttention(
                    outputs, compute_dtype=precision, name=f"attention{size}"
                )
                self.attentions[str(i)] = keep(self, attention)
        self.last_norm = BatchNormRelu(widths[-1], name="last_norm", **statistics)
        self.to_image = Convolution(
            widths[-1], image_channels, name="to_image", **options
        )
        self.built = True

    def _condition_size(self, skip_latents: bool) -> int:
        chunk = self.chunk if skip_latents else 0
        if not self.num_classes:
            return chunk
        return chunk + (
            CLASS_EMBEDDING_DIM if self.shared_embedding else self.num_classes
        )

    def class_embedding(self, labels: tf.Tensor) -> tf.Tensor:
        """What a label [B] turns into before it conditions: [B, E]."""
        if self.embedding is not None:
            return self.embedding(labels)
        return tf.one_hot(labels, self.num_classes)

    def call(
        self,
        latents: tf.Tensor,
        labels: tf.Tensor | None = None,
        class_embedding: tf.Tensor | None = None,
        training: bool = False,
        batch_statistics: bool = False,
        truncation: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Makes images.

        Args:
          latents: [B, Z] float32.
          labels: [B] int32; not for an unconditional generator.
          class_embedding: [B, E] in place of labels, for interpolation.
          training: iterate spectral norm, use and update batch statistics.
          batch_statistics: use batch statistics without updating anything.
          truncation: [B], selects from a table of standing statistics.

        Returns:
          [B, H, W, C] float32 in [-1, 1].
        """
        if self.num_classes and class_embedding is None:
            class_embedding = self.class_embedding(labels)
        # One of the two at most: Keras refuses keywords that mix tensors and others.
        mode: dict[str, Any] = {"training": training}
        if batch_statistics:
            mode["batch_statistics"] = True
        elif truncation is not None:
            mode["truncation"] = truncation
        chunks = tf.split(latents, self.slots, axis=1)
        h = self.first(chunks[0], training=training)
        h = tf.reshape(h, [-1, BASE_RESOLUTION, BASE_RESOLUTION, self.first_width])
        h = tf.cast(h, self.precision)
        for i, block in enumerate(self.blocks):
            chunk = chunks[i + 1] if self.slots > 1 else None
            h = block(h, join_condition(class_embedding, chunk), **mode)
            if str(i) in self.attentions:
                h = self.attentions[str(i)](h, training=training)
        h = self.last_norm(h, None, **mode)
        return tf.tanh(tf.cast(self.to_image(h, training=training), tf.float32))

    def get_config(self):
        return self._settings


@keras.saving.register_keras_serializable("tf_smallgan.biggan")
class Discriminator(keras.Model):
    """Images [B, H, W, C] in [-1, 1] and labels [B] to logits [B].

        D(x, y) = w' h + b + <e(y), h>,   h = sum over positions of relu(blocks(x))

    Args: as Generator's.
    """

    def __init__(
        self,
        resolution: int,
        *,
        image_channels: int = 3,
        num_classes: int = 0,
        channel_multiplier: int | None = None,
        attention: Sequence[int] | None = None,
        fused: bool = True,
        precision: str = "float32",
        name: str = "discriminator",
    ):
        super().__init__(name=name)
        self._settings = _settings_of(locals())
        row = architecture_of("biggan", resolution)
        ch = channel_multiplier or row.channel_multiplier
        attended = row.discriminator_attention if attention is None else attention
        options: dict[str, Any] = {"fused": fused, "compute_dtype": precision}
        self.precision, self.num_classes = precision, num_classes
        self.blocks, self.attentions = [], {}
        inputs, size = image_channels, resolution
        for i, (width, down) in enumerate(
            zip(row.discriminator, row.discriminator_down)
        ):
            block = DiscriminatorBlock(
                inputs,
                width * ch,
                down=down,
                preactivation=i > 0,
                convolution=options,
                name=f"block{i}",
            )
            self.blocks.append(keep(self, block))
            inputs, size = width * ch, size // 2 if down else size
            if down and size in attended:
                attention = SelfAttention(
                    inputs, compute_dtype=precision, name=f"attention{size}"
                )
                self.attentions[str(i)] = keep(self, attention)
        self.linear = Dense(inputs, 1, name="linear")
        self.embedding = (
            ClassEmbedding(num_classes, inputs, spectral=True, name="embedding")
            if num_classes
            else None
        )
        self.built = True

    def call(
        self,
        images: tf.Tensor,
        labels: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        h = tf.cast(images, self.precision)
        for i, block in enumerate(self.blocks):
            h = block(h, training=training)
            if str(i) in self.attentions:
                h = self.attentions[str(i)](h, training=training)
        h = tf.reduce_sum(tf.cast(tf.nn.relu(h), tf.float32), [1, 2])
        logits = self.linear(h, training=training)[:, 0]
        if self.embedding is None:
            return logits
        projection = self.embedding(labels, training=training)
        return logits + tf.reduce_sum(projection * h, axis=1)

    def get_config(self):
        return self._settings


def _settings_of(arguments: dict[str, Any]) -> dict[str, Any]:
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
