"""BigGAN-deep (Brock et al. 2019, appendix B, tables 7 to 9, figure 16)."""

from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.models import biggan
from tf_smallgan.models.blocks import join_condition
from tf_smallgan.models.convolution import Convolution
from tf_smallgan.models.deep_blocks import (
    CutConvolution,
    DeepDiscriminatorBlock,
    DeepGeneratorBlock,
)


@keras.saving.register_keras_serializable("tf_smallgan.biggan_deep")
class Generator(biggan.Generator):
    """Latents [B, Z] and labels [B] to images [B, H, W, C] in [-1, 1].

    Blocks come in pairs, of which the second doubles the resolution. With
    `skip_latents` every block sees the whole latent, next to the class embedding;
    without, the class alone.

    Args: as those of `biggan.Generator`, and
      lean_to_image: make just the image's channels. The released generators make ch
        of them and drop all but three; the images cost the same.

    Raises:
      InputError: no such resolution.
    """

    architecture = "biggan_deep"

    def __init__(self, resolution: int, *, lean_to_image: bool = False, **options: Any):
        self._lean_to_image = lean_to_image
        super().__init__(resolution, **options)

    def _share_latent(self, blocks: int) -> tuple[int, int]:
        classes = self._class_size
        # One-hot classes go to tables in the batch norms, not into the first layer.
        first = self.latent_dim + (classes if self.shared_embedding else 0)
        return first, classes + (self.latent_dim if self.skip_latents else 0)

    def _shares(
        self, latents: tf.Tensor, class_embedding: tf.Tensor | None
    ) -> tuple[tf.Tensor, biggan.Conditions]:
        both = join_condition(class_embedding, latents)
        first = both if self.shared_embedding else latents
        condition = both if self.skip_latents else class_embedding
        return first, [condition] * len(self.blocks)

    def _make_block(
        self, number: int, inputs: int, outputs: int, **options: Any
    ) -> keras.layers.Layer:
        up = number % 2 == 1
        return DeepGeneratorBlock(
            inputs, outputs, up=up, name=f"block{number}", **options
        )

    def _make_to_image(self, inputs: int, **options: Any) -> Convolution:
        if self._lean_to_image:
            return super()._make_to_image(inputs, **options)
        outputs = max(inputs, self.image_channels)
        return CutConvolution(
            inputs, outputs, kept=self.image_channels, name="to_image", **options
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "lean_to_image": self._lean_to_image}


@keras.saving.register_keras_serializable("tf_smallgan.biggan_deep")
class Discriminator(biggan.Discriminator):
    """Images [B, H, W, C] in [-1, 1] and labels [B] to logits [B].

    A 3x3 convolution and pairs of blocks, of which the first halves the resolution;
    attention follows the second. Ends as `biggan.Discriminator`, whose arguments it
    has; its shortcuts never have a 1x1 where channels do not change.
    """

    architecture = "biggan_deep"

    def _make_stem(self, widths: list[int], convolution: dict[str, Any]) -> Convolution:
        image_channels = widths.pop(0)
        return Convolution(image_channels, widths[0], name="stem", **convolution)

    def _make_block(
        self, number: int, inputs: int, outputs: int, **options: Any
    ) -> keras.layers.Layer:
        return DeepDiscriminatorBlock(inputs, outputs, name=f"block{number}", **options)

    def _attends_after(self, down: bool) -> bool:
        return not down
