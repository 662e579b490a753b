"""Several arrays in one .npz file, which is whole whenever it is there."""

import pathlib
import zipfile

import numpy as np

from tf_smallgan.atomic import replacing

# What `read_arrays` raises for a file that is none, or is cut off or damaged.
UNREADABLE = (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile)


def write_arrays(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes them to `path`, whole or not at all."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """All arrays of a file.

    Raises:
      one of UNREADABLE.
    """
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
