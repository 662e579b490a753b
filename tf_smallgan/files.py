"""Files that are complete whenever they exist: written apart, then renamed.

Readers and writers of bytes, JSON and arrays, and short fingerprints of weights.
"""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np


@contextlib.contextmanager
def replacing(path: str | pathlib.Path, suffix: str = "") -> Iterator[pathlib.Path]:
    """Gives a name to write to, which then takes the place of `path`.

    A kill, a full disk and an error leave the file that was there before. Processes
    may write the same file at the same time: each has a name of its own to write to,
    and the last one's stays.

    Args:
      path: the file; its folder is made where it is missing.
      suffix: what the name given ends with, for libraries that ask for one.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial{suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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


def read_bytes(path: str) -> bytes:
    """All of `path`, on any filesystem TensorFlow knows."""
    # Imported late: commands read their flags before TensorFlow has loaded.
    import tensorflow as tf

    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()


def write_bytes(path: str, content: bytes) -> None:
    """Writes `content`, whole or not at all."""
    with replacing(path) as partial:
        partial.write_bytes(content)


def write_array(path: str, array: np.ndarray) -> None:
    """Writes `array` as .npy, byte for byte the same for the same array."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def read_array(path: str) -> np.ndarray:
    """Reads a .npy file."""
    return np.load(io.BytesIO(read_bytes(path)), allow_pickle=False)


def write_json(path: str, value: Any) -> None:
    """Writes `value` as indented JSON with sorted keys."""
    write_bytes(path, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode())


def read_json(path: str) -> Any:
    """Reads a JSON file."""
    return json.loads(read_bytes(path))


def fingerprint(arrays: Iterable[np.ndarray]) -> str:
    """16 hexadecimal digits that follow from the arrays' bytes, in their order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
