"""Whole files, written so that a reader sees the old one or the new one."""

import io
import json
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan.atomic import replacing


def read_bytes(path: str) -> bytes:
    """All of `path`, on any filesystem TensorFlow knows."""
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
