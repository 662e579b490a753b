"""What a pair of networks is built from: plain values, no flags."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """A complete description of G and D.

    Attributes:
      architecture: a key of `architectures.TABLES`.
      num_classes: K, or 0 for unconditional networks.
      generator_attention, discriminator_attention: resolutions, () for none.
      precision: compute type, "float32" or "bfloat16".
    """

    architecture: str
    resolution: int
    image_channels: int
    num_classes: int
    channel_multiplier: int
    latent_dim: int
    generator_attention: tuple[int, ...]
    discriminator_attention: tuple[int, ...]
    shared_embedding: bool = True
    skip_latents: bool = True
    fused_resampling: bool = True
    latent_distribution: str = "normal"
    precision: str = "float32"
    remat: bool = False
