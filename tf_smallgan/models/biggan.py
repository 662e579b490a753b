"""Residual BigGAN (Brock et al. 2019, appendix B, figure 15).

Its two classes are also what BigGAN-deep, SAGAN and SNGAN are made of: those differ
in their rows of the tables (models/architectures.py), and BigGAN-deep in its blocks
and in how the latent is shared out.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.config.architectures import (
    BASE_RESOLUTION,
    CLASS_EMBEDDING_DIM,
    architecture_of,
)
from tf_smallgan.models import blocks as assembly
from tf_smallgan.models.batch_norm import BatchNormRelu
from tf_smallgan.models.blocks import DiscriminatorBlock, GeneratorBlock, make_norm
from tf_smallgan.models.convolution import ClassEmbedding, Convolution, Dense
from tf_smallgan.models.recomputation import run_block

Conditions = list[tf.Tensor | None]


@keras.saving.register_keras_serializable("tf_smallgan.biggan")
class Generator(keras.Model):
    """Latents [B, Z] and labels [B] to images [B, H, W, C] in [-1, 1].

    Args:
      resolution: in px, one that the architecture has.
      image_channels: 1 or 3.
      num_classes: K, 0 for an unconditional generator.
      channel_multiplier: width ch; the architecture's by default.
      latent_dim: Z; the architecture's by default. With `skip_latents` it is cut
        into equal chunks, one for the first layer and one for each block.
      attention: resolutions with self-attention; the architecture's by default.
      shared_embedding: one class embedding for all conditional batch norms, which
        are then linear in it; else each has a table of its own. The architecture's
        by default.
      class_embedding_dim: E of the shared embedding.
      skip_latents: give each block its chunk of the latent; the architecture's by
        default.
      spectral: spectral norm; the architecture's by default.
      fused: exact algebra for resampling convolutions.
      precision: compute type; weights and statistics stay float32.
      remat: in training keep the blocks' inputs alone and compute what is inside
        again in the backward pass (models/recomputation.py).
      truncations: grid of a table of standing statistics, for exported or imported
        generators.
      epsilon: batch norm's.

    Raises:
      InputError: no such resolution, or a latent that does not divide.
    """

    architecture = "biggan"

    def __init__(
        self,
        resolution: int,
        *,
        image_channels: int = 3,
        num_classes: int = 0,
        channel_multiplier: int | None = None,
        latent_dim: int | None = None,
        attention: Sequence[int] | None = None,
        shared_embedding: bool | None = None,
        class_embedding_dim: int = CLASS_EMBEDDING_DIM,
        skip_latents: bool | None = None,
        spectral: bool | None = None,
        fused: bool = True,
        precision: str = "float32",
        remat: bool = False,
        truncations: Sequence[float] = (),
        epsilon: float = 1e-5,
        name: str = "generator",
    ):
        super().__init__(name=name)
        self._settings = assembly.settings_of(locals())
        row = architecture_of(self.architecture, resolution)
        ch = channel_multiplier or row.channel_multiplier
        widths = [ch * w for w in row.generator]
        spectral = assembly.choose(spectral, row.spectral_generator)
        self.precision, self.remat = precision, remat
        self.latent_dim = latent_dim or row.latent_dim
        self.image_channels, self.num_classes = image_channels, num_classes
        self.shared_embedding = assembly.choose(shared_embedding, row.shared_embedding)
        self.skip_latents = assembly.choose(skip_latents, row.skip_latents)
        embedded = bool(num_classes) and self.shared_embedding
        self._class_size = class_embedding_dim if embedded else num_classes
        first_size, condition_size = self._share_latent(blocks=len(widths) - 1)
        self.embedding = None
        if embedded:
            self.embedding = ClassEmbedding(
                num_classes, class_embedding_dim, spectral=False, name="embedding"
            )
        statistics: dict[str, Any] = {"epsilon": epsilon}
        statistics["truncations"] = tuple(truncations)
        self.first_width = widths[0]
        self.first = Dense(
            first_size, BASE_RESOLUTION**2 * widths[0], spectral=spectral, name="first"
        )
        norm = functools.partial(
            make_norm,
            condition=condition_size,
            spectral=spectral and self.shared_embedding,
            class_inputs=0 if embedded else num_classes,
            **statistics,
        )
        common: dict[str, Any] = {"spectral": spectral, "compute_dtype": precision}
        attended = assembly.choose(attention, row.generator_attention)
        self.blocks: list[keras.layers.Layer] = []
        self.attentions: dict[str, keras.layers.Layer] = {}
        size = BASE_RESOLUTION
        for i, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            block = self._make_block(
                i, inputs, outputs, norm=norm, convolution={"fused": fused, **common}
            )
            self.blocks.append(assembly.keep(self, block))
            size *= block.scale
            if block.scale > 1 and size in attended:
                assembly.attach_attention(self, i, outputs, size, **common)
        self.last_norm = BatchNormRelu(widths[-1], name="last_norm", **statistics)
        self.to_image = self._make_to_image(widths[-1], fused=fused, **common)
        self.built = True

    def _share_latent(self, blocks: int) -> tuple[int, int]:
        """Sizes of the first layer's input and of each block's condition."""
        self.slots = blocks + 1 if self.skip_latents else 1
        chunk = assembly.chunk_size(self.latent_dim, self.slots)
        return chunk, self._class_size + (chunk if self.skip_latents else 0)

    def _shares(
        self, latents: tf.Tensor, class_embedding: tf.Tensor | None
    ) -> tuple[tf.Tensor, Conditions]:
        """The first layer's input and each block's condition."""
        first, *chunks = tf.split(latents, self.slots, axis=1)
        if not chunks:
            return first, [class_embedding] * len(self.blocks)
        return first, [
            assembly.join_condition(class_embedding, chunk) for chunk in chunks
        ]

    def _make_block(
        self, number: int, inputs: int, outputs: int, **options: Any
    ) -> keras.layers.Layer:
        return GeneratorBlock(inputs, outputs, name=f"block{number}", **options)

    def _make_to_image(self, inputs: int, **options: Any) -> Convolution:
        return Convolution(inputs, self.image_channels, name="to_image", **options)

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
        first, conditions = self._shares(latents, class_embedding)
        h = self.first(first, training=training)
        h = tf.reshape(h, [-1, BASE_RESOLUTION, BASE_RESOLUTION, self.first_width])
        h = tf.cast(h, self.precision)
        for i, block in enumerate(self.blocks):
            h = run_block(block, h, conditions[i], remat=self.remat, **mode)
            h = assembly.attend(self, i, h, training)
        h = self.last_norm(h, None, **mode)
        return tf.tanh(tf.cast(self.to_image(h, training=training), tf.float32))

    def get_config(self) -> dict[str, Any]:
        return self._settings


@keras.saving.register_keras_serializable("tf_smallgan.biggan")
class Discriminator(keras.Model):
    """Images [B, H, W, C] in [-1, 1] and labels [B] to logits [B].

        D(x, y) = w' h + b + <e(y), h>,   h = sum over positions of relu(blocks(x))

    Args: as Generator's, and
      pool_shortcuts: where a block changes only the resolution, its shortcut pools
        without a 1x1 convolution, which the published code has.
    """

    architecture = "biggan"

    def __init__(
        self,
        resolution: int,
        *,
        image_channels: int = 3,
        num_classes: int = 0,
        channel_multiplier: int | None = None,
        attention: Sequence[int] | None = None,
        pool_shortcuts: bool = False,
        spectral: bool = True,
        fused: bool = True,
        precision: str = "float32",
        remat: bool = False,
        name: str = "discriminator",
    ):
        super().__init__(name=name)
        self._settings = assembly.settings_of(locals())
        row = architecture_of(self.architecture, resolution)
        ch = channel_multiplier or row.channel_multiplier
        attended = assembly.choose(attention, row.discriminator_attention)
        common: dict[str, Any] = {"spectral": spectral, "compute_dtype": precision}
        convolution = {"fused": fused, **common}
        self.precision, self.remat, self.num_classes = precision, remat, num_classes
        self.wide, self.pool_shortcuts = row.wide_discriminator, pool_shortcuts
        widths = [image_channels, *(ch * w for w in row.discriminator)]
        self.stem = self._make_stem(widths, convolution)
        self.blocks: list[keras.layers.Layer] = []
        self.attentions: dict[str, keras.layers.Layer] = {}
        size = resolution
        for i, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            down = row.discriminator_down[i]
            block = self._make_block(
                i, inputs, outputs, down=down, convolution=convolution
            )
            self.blocks.append(assembly.keep(self, block))
            size = size // 2 if down else size
            if size in attended and self._attends_after(down):
                assembly.attach_attention(self, i, outputs, size, **common)
        self.linear = Dense(widths[-1], 1, spectral=spectral, name="linear")
        self.embedding = None
        if num_classes:
            self.embedding = ClassEmbedding(
                num_classes, widths[-1], spectral=spectral, name="embedding"
            )
        self.built = True

    def _make_stem(self, widths: list[int], convolution: dict[str, Any]) -> Any:
        """A convolution before the blocks; takes its width off `widths`."""
        return None

    def _make_block(
        self, number: int, inputs: int, outputs: int, **options: Any
    ) -> keras.layers.Layer:
        return DiscriminatorBlock(
            inputs,
            outputs,
            preactivation=number > 0,
            hidden=outputs if self.wide or number == 0 else inputs,
            pool_shortcut=self.pool_shortcuts,
            name=f"block{number}",
            **options,
        )

    def _attends_after(self, down: bool) -> bool:
        """Whether attention at a resolution follows this block of it."""
        return down

    def call(
        self,
        images: tf.Tensor,
        labels: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        h = tf.cast(images, self.precision)
        if self.stem is not None:
            h = self.stem(h, training=training)
        for i, block in enumerate(self.blocks):
            h = run_block(block, h, remat=self.remat, training=training)
            h = assembly.attend(self, i, h, training)
        h = tf.reduce_sum(tf.cast(tf.nn.relu(h), tf.float32), [1, 2])
        logits = self.linear(h, training=training)[:, 0]
        if self.embedding is None:
            return logits
        projection = self.embedding(labels, training=training)
        return logits + tf.reduce_sum(projection * h, axis=1)

    def get_config(self) -> dict[str, Any]:
        return self._settings
