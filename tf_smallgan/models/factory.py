"""Builds the networks of a ModelSpec."""

from collections.abc import Sequence

import keras

from tf_smallgan.models import biggan
from tf_smallgan.models.spec import ModelSpec


def build_generator(
    spec: ModelSpec, truncations: Sequence[float] = (), name: str = "generator"
) -> keras.Model:
    """G of `spec`; with `truncations` it holds a table of standing statistics."""
    return biggan.Generator(
        spec.resolution,
        image_channels=spec.image_channels,
        num_classes=spec.num_classes,
        channel_multiplier=spec.channel_multiplier,
        latent_dim=spec.latent_dim,
        attention=spec.generator_attention,
        shared_embedding=spec.shared_embedding,
        skip_latents=spec.skip_latents,
        fused=spec.fused_resampling,
        precision=spec.precision,
        truncations=truncations,
        name=name,
    )


def build_discriminator(spec: ModelSpec) -> keras.Model:
    """D of `spec`."""
    return biggan.Discriminator(
        spec.resolution,
        image_channels=spec.image_channels,
        num_classes=spec.num_classes,
        channel_multiplier=spec.channel_multiplier,
        attention=spec.discriminator_attention,
        fused=spec.fused_resampling,
        precision=spec.precision,
    )
