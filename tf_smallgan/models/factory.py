"""Builds the networks of a ModelSpec."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import keras

from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.models import biggan, biggan_deep, sagan, sngan

# Each has the classes Generator and Discriminator.
ARCHITECTURES: dict[str, ModuleType] = {
    "biggan": biggan,
    "biggan_deep": biggan_deep,
    "sagan": sagan,
    "sngan": sngan,
}


def build_generator(
    spec: ModelSpec, truncations: Sequence[float] = (), name: str = "generator"
) -> keras.Model:
    """G of `spec`; with `truncations` it holds a table of standing statistics."""
    more: dict[str, Any] = {}
    if spec.architecture == "biggan_deep":
        more["lean_to_image"] = spec.lean_to_image
    return ARCHITECTURES[spec.architecture].Generator(
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
    return ARCHITECTURES[spec.architecture].Discriminator(
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
