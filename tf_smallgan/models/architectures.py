"""Widths, latents and attention of every architecture and resolution.

Residual BigGAN at 128, 256 and 512 px and BigGAN-deep follow BigGAN's appendix B
and the released modules; 32 and 64 px are not in the paper and follow the common
PyTorch port.
"""

import dataclasses

from tf_smallgan.errors import InputError

BASE_RESOLUTION = 4
CLASS_EMBEDDING_DIM = 128


@dataclasses.dataclass(frozen=True)
class Architecture:
    """One row of the tables; widths are multiples of `channel_multiplier`.

    Attributes:
      channel_multiplier: default ch.
      latent_dim: default latent size.
      generator: widths along G, the 4x4 start's first.
      discriminator: D's block outputs.
      discriminator_down: whether each block of D halves the resolution.
      generator_attention, discriminator_attention: resolutions with attention.
    """

    channel_multiplier: int
    latent_dim: int
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    discriminator_down: tuple[bool, ...]
    generator_attention: tuple[int, ...] = ()
    discriminator_attention: tuple[int, ...] = ()


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

TABLES: dict[str, dict[int, Architecture]] = {"biggan": BIGGAN}


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
