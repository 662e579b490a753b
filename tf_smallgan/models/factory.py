"""Builds the networks of a ModelSpec."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.models import baselines, biggan, biggan_deep

# The generator and the discriminator of each --architecture.
ARCHITECTURES: dict[str, tuple[type[keras.Model], type[keras.Model]]] = {
    "biggan": (biggan.Generator, biggan.Discriminator),
    "biggan_deep": (biggan_deep.Generator, biggan_deep.Discriminator),
    "sagan": (baselines.SaganGenerator, baselines.SaganDiscriminator),
    "sngan": (baselines.SnganGenerator, baselines.SnganDiscriminator),
}


def build_generator(
    spec: ModelSpec, truncations: Sequence[float] = (), name: str = "generator"
) -> keras.Model:
    """G of `spec`; with `truncations` it holds a table of standing statistics."""
    more: dict[str, Any] = {}
    if spec.architecture == "biggan_deep":
        more["lean_to_image"] = spec.lean_to_image
    return ARCHITECTURES[spec.architecture][0](
        spec.resolution,
        image_channels=spec.image_channels,
        num_classes=spec.num_classes,
        channel_multiplier=spec.channel_multiplier,
        latent_dim=spec.latent_dim,
        attention=spec.generator_attention,
        shared_embedding=spec.shared_embedding,
        class_embedding_dim=spec.class_embedding_dim,
        skip_latents=spec.skip_latents,
        spectral=spec.generator_spectral,
        fused=spec.fused_resampling,
        precision=spec.precision,
        remat=spec.remat,
        truncations=truncations or spec.statistics_truncations,
        epsilon=spec.epsilon,
        name=name,
        **more,
    )


def build_discriminator(spec: ModelSpec) -> keras.Model:
    """D of `spec`."""
    return ARCHITECTURES[spec.architecture][1](
        spec.resolution,
        image_channels=spec.image_channels,
        num_classes=spec.num_classes,
        channel_multiplier=spec.channel_multiplier,
        attention=spec.discriminator_attention,
        spectral=spec.discriminator_spectral,
        fused=spec.fused_resampling,
        precision=spec.precision,
        remat=spec.remat,
    )
