"""A PyTorch state dict as arrays, taken out one by one and set into our layers."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from tf_smallgan.config.architectures import Architecture
from tf_smallgan.config.flags import ImportedModel
from tf_smallgan.errors import InputError
from tf_smallgan.models.convolution import Convolution
from tf_smallgan.models.deep_blocks import CutConvolution


@dataclasses.dataclass(frozen=True)
class Released:
    """Networks of a file.

    Attributes:
      flags: model and data flags that describe them.
      imported: what no flag describes.
      fill_generator: sets the weights of a generator built from those flags.
      fill_discriminator: the same for D, or None where only G was released.
    """

    flags: dict[str, Any]
    imported: ImportedModel
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


Arrays = Mapping[str, np.ndarray]


class StateDict:
    """Arrays by name; remembers which were asked for.

    Args:
      arrays: as `torch_archive.read_tensors` gives them.
      source: the file's name, for messages.
    """

    def __init__(self, arrays: Arrays, source: str):
        prefix = "module."  # What PyTorch's DataParallel adds.
        self._arrays = {k.removeprefix(prefix): v for k, v in arrays.items()}
        self.source = source
        self._taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def __getitem__(self, name: str) -> np.ndarray:
        """The array of that name, float32.

        Raises:
          InputError: there is none, or it is not finite.
        """
        if name not in self._arrays:
            raise InputError(
                f"{self.source} lacks {name}; it is not a state dict of the networks "
                "that --format names, or of other options than can be imported."
            )
        self._taken.add(name)
        array = np.asarray(self._arrays[name], np.float32)
        if not np.isfinite(array).all():
            raise InputError(
                f"{self.source}: {name} is not finite; the model has diverged or the "
                "file is damaged. Choose another one."
            )
        return array

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an array, which then still counts as not asked for."""
        taken = set(self._taken)
        shape = self[name].shape
        self._taken = taken
        return shape

    def first_of(self, *names: str) -> str:
        """The first of the names that there is; the first of all if none is."""
        return next((name for name in names if name in self), names[0])

    def count(self, pattern: str) -> int:
        """How many of pattern.format(0), pattern.format(1), ... there are."""
        number = 0
        while pattern.format(number) in self:
            number += 1
        return number

    def check_all_taken(self, ignored: Callable[[str], bool]) -> None:
        """Raises InputError where arrays are left that are not `ignored`."""
        left = [k for k in self._arrays if k not in self._taken and not ignored(k)]
        if left:
            raise InputError(
                f"{self.source} has {len(left)} arrays that the imported network has "
                f"no place for, the first {left[0]}: it is of other options than can "
                "be imported."
            )


def assign(
    variable: keras.Variable, value: np.ndarray, state: StateDict, name: str
) -> None:
    """Sets a variable.

    Raises:
      InputError: the value has another shape.
    """
    if tuple(variable.shape) != value.shape:
        raise InputError(
            f"{state.source}: {name} has the shape {value.shape} where the network "
            f"that its other arrays describe needs {tuple(variable.shape)}."
        )
    variable.assign(value)


def transposed(kernel: np.ndarray) -> np.ndarray:
    """[O, I, h, w] -> [h, w, I, O], [O, I] -> [I, O]."""
    return kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T


def normalized(kernel: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """kernel / (left' W right), W the kernel [O, ...] flattened to [O, M]."""
    matrix = kernel.reshape(kernel.shape[0], -1).astype(np.float64)
    sigma = left.ravel() @ (matrix @ right.ravel())
    return (kernel / sigma).astype(np.float32)


def unit(vector: np.ndarray) -> np.ndarray:
    """A vector over its norm, float64."""
    vector = vector.astype(np.float64)
    return vector / max(np.linalg.norm(vector), 1e-12)


def set_convolution(
    layer: Convolution, state: StateDict, name: str, kernel: np.ndarray
) -> None:
    """Sets a convolution's kernel [O, I, h, w], and its bias where it has one."""
    assign(layer.weight.kernel, transposed(kernel), state, f"{name}.weight")
    bias = layer.whole_bias if isinstance(layer, CutConvolution) else layer.bias
    if bias is not None:
        assign(bias, state[f"{name}.bias"], state, f"{name}.bias")
