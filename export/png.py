"""PNG files to images."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf


def decode_pngs(files: Iterable[bytes]) -> np.ndarray:
    """PNG files [B] to images [B, H, W, C] uint8."""
    return np.stack([tf.io.decode_png(file).numpy() for file in files])
