"""Widths, latents and attention of every architecture and resolution.

Residual BigGAN at 128, 256 and 512 px and BigGAN-deep follow BigGAN's appendix B
and the released modules; 32 and 64 px are not in the paper and follow the common
PyTorch port. SAGAN (Zhang et al. 2019) is published at 128 px; its smaller forms are
BigGAN's at its width. SNGAN (Miyato et al. 2018) follows its appendix B at 32 and
128 px and its authors' code at 64 px.
"""

import dataclasses

from tf_smallgan.errors import InputError

BASE_RESOLUTION = 4
CLASS_EMBEDDING_DIM = 128


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


@dataclasses.dataclass(frozen=True)
class Architecture:
    """One row of the tables; widths are multiples of `channel_multiplier`.

    Attributes:
      channel_multiplier: default ch.
      latent_dim: default latent size.
      generator: widths along G, the 4x4 start's first.
      discriminator: D's block outputs; BigGAN-deep's first convolution's before them.
      discriminator_down: whether each block of D halves the resolution.
      generator_attention, discriminator_attention: resolutions with attention.
      shared_embedding, skip_latents: BigGAN's two ways to condition, by default.
      spectral_generator: whether G is spectrally normalised by default; D always is.
      wide_discriminator: hidden width of D's blocks: their outputs', else their
        inputs'.
    """

    channel_multiplier: int
    latent_dim: int
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    discriminator_down: tuple[bool, ...]
    generator_attention: tuple[int, ...] = ()
    discriminator_attention: tuple[int, ...] = ()
    shared_embedding: bool = True
    skip_latents: bool = True
    spectral_generator: bool = True
    wide_discriminator: bool = True


def _down(blocks: int, resampling: int) -> tuple[bool, ...]:
    """The first `resampling` of `blocks` halve the resolution."""
    return tuple(i < resampling for i in range(blocks))


BIGGAN: dict[int, Architecture] = {
    32: Architecture(64, 80, (4, 4, 4, 4), (4, 4, 4, 4), _down(4, 2)),
    64: Architecture(
        64, 100, (16, 16, 8, 4, 2), (1, 2, 4, 8, 16), _down(5, 4), (32,), (32,)
    ),
    128: Architecture(
        96,
        120,
        (16, 16, 8, 4, 2, 1),
        (1, 2, 4, 8, 16, 16),
        _down(6, 5),
        (64,),
        (64,),
    ),
    256: Architecture(
        96,
        140,
        (16, 16, 8, 8, 4, 2, 1),
        (1, 2, 4, 8, 8, 16, 16),
        _down(7, 6),
        (128,),
        (64,),
    ),
    512: Architecture(
        96,
        160,
        (16, 16, 8, 8, 4, 2, 1, 1),
        (1, 1, 2, 4, 8, 8, 16, 16),
        _down(8, 7),
        (64,),
        (64,),
    ),
}


def _deep(generator: tuple[int, ...], discriminator: tuple[int, ...]) -> Architecture:
    """A row of BigGAN-deep: two blocks a resolution, one of them resampling."""
    down = tuple(i % 2 == 0 for i in range(len(discriminator) - 1))
    return Architecture(128, 128, generator, discriminator, down, (64,), (64,))


BIGGAN_DEEP: dict[int, Architecture] = {
    128: _deep(
        (16, 16, 16, 16, 8, 8, 4, 4, 2, 2, 1), (1, 2, 2, 4, 4, 8, 8, 16, 16, 16, 16)
    ),
    256: _deep(
        (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1),
        (1, 2, 2, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16),
    ),
    512: _deep(
        (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1, 1, 1),
        (1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16),
    ),
}


def _sagan(resolution: int, attention: int) -> Architecture:
    """BigGAN at SAGAN's width, without what BigGAN added to it."""
    return dataclasses.replace(
        BIGGAN[resolution],
        channel_multiplier=64,
        latent_dim=128,
        generator_attention=(attention,),
        discriminator_attention=(attention,),
        shared_embedding=False,
        skip_latents=False,
    )


# A 32 px network has no 32 px inside.
SAGAN: dict[int, Architecture] = {
    32: _sagan(32, attention=16),
    64: _sagan(64, attention=32),
    128: _sagan(128, attention=32),
}


def _sngan(
    generator: tuple[int, ...], discriminator: tuple[int, ...], resampling: int
) -> Architecture:
    """A row of SNGAN-ResNet: spectral norm in D alone, no attention."""
    return Architecture(
        64,
        128,
        generator,
        discriminator,
        _down(len(discriminator), resampling),
        shared_embedding=False,
        skip_latents=False,
        spectral_generator=False,
        wide_discriminator=False,
    )


SNGAN: dict[int, Architecture] = {
    32: _sngan((4, 4, 4, 4), (2, 2, 2, 2), resampling=2),
    64: _sngan((16, 8, 4, 2, 1), (1, 2, 4, 8, 16), resampling=5),
    128: _sngan((16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), resampling=5),
}

TABLES: dict[str, dict[int, Architecture]] = {
    "biggan": BIGGAN,
    "biggan_deep": BIGGAN_DEEP,
    "sagan": SAGAN,
    "sngan": SNGAN,
}


def architecture_of(name: str, resolution: int) -> Architecture:
    """The row of `name` at `resolution` px.

    Raises:
      InputError: the architecture lacks that resolution.
    """
    table = TABLES.get(name, {})
    if resolution not in table:
        known = ", ".join(str(r) for r in sorted(table)) or "none yet"
        raise InputError(
            f"--architecture={name} has no {resolution} px form; --resolution can be "
            f"{known}."
        )
    return table[resolution]
