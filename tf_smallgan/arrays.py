"""Several arrays in one .npz file, which is whole whenever it is there."""

import os
import pathlib
import uuid
import zipfile

import numpy as np

# What `read_arrays` raises for a file that is none, or is cut off or damaged.
UNREADABLE = (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile)


def write_arrays(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes beside `path`, then renames: a kill leaves the old file or the new one.

    Runs that share a folder may write the same file at the same time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_arrays(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """All arrays of a file.

    Raises:
      one of UNREADABLE.
    """
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
