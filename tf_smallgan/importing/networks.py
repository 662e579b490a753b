"""What a reader of released networks gives: flags, and how to set the weights."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

from tf_smallgan.errors import InputError
from tf_smallgan.models.architectures import Architecture


@dataclasses.dataclass(frozen=True)
class Released:
    """Networks of a file.

    Attributes:
      flags: model and data flags that describe them.
      fill_generator: sets the weights of a generator built from those flags.
      fill_discriminator: the same for D, or None where only G was released.
    """

    flags: dict[str, Any]
    fill_generator: Callable[[keras.Model], None]
    fill_discriminator: Callable[[keras.Model], None] | None = None


def attention_flag(
    row: Architecture, generator: list[int], discriminator: list[int] | None
) -> str | None:
    """--attention_resolutions for networks with attention at those resolutions.

    Args:
      row: the architecture's.
      generator: of G.
      discriminator: of D, or None without one.

    Raises:
      InputError: G and D differ otherwise than the architecture does.
    """
    default = list(row.generator_attention), list(row.discriminator_attention)
    if default == (generator, discriminator if discriminator is not None else []):
        return None
    if discriminator is not None and generator != discriminator:
        raise InputError(
            f"G attends at {generator} px and D at {discriminator} px, which flags "
            "cannot say; import G alone."
        )
    return ",".join(str(size) for size in generator) or "0"


def channel_multiplier(width: int, multiple: int, source: str, name: str) -> int:
    """ch of a layer `name` that is `multiple` times as wide.

    Raises:
      InputError: the width does not divide.
    """
    if width % multiple:
        raise InputError(
            f"{source}: {name} has {width} channels, which is no multiple of "
            f"{multiple}: it is of other networks than --format names."
        )
    return width // multiple
