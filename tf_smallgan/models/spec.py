"""What a pair of networks is built from: plain values, no flags."""

import dataclasses

from tf_smallgan.models.architectures import CLASS_EMBEDDING_DIM


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """A complete description of G and D.

    Attributes:
      architecture: a key of `architectures.TABLES`.
      num_classes: K, or 0 for unconditional networks.
      generator_attention, discriminator_attention: resolutions, () for none.
      shared_embedding, skip_latents: how G is conditioned (models/biggan.py).
      class_embedding_dim: size of the shared class embedding.
      precision: compute type, "float32" or "bfloat16".
      remat: recompute the blocks' activations in the backward pass.
      generator_spectral, discriminator_spectral: whether kernels are divided by
        their norm; imported networks bring kernels that already are.
      lean_to_image: BigGAN-deep's last convolution makes the image's channels only.
      epsilon: batch norm's.
      statistics_truncations: grid of the standing statistics that the generator
        keeps; () where they are gathered when it is sampled.
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
    class_embedding_dim: int = CLASS_EMBEDDING_DIM
    generator_spectral: bool = True
    discriminator_spectral: bool = True
    lean_to_image: bool = False
    epsilon: float = 1e-5
    statistics_truncations: tuple[float, ...] = ()
