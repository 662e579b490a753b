"""Sheets of images as PNG."""

import math
import os
import pathlib

import numpy as np
import tensorflow as tf

_GAP_PIXELS = 2
_SMALLEST_TILE_PIXELS = 64


def sheet(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Tiles images on white, enlarged by whole factors where they are small.

    Args:
      images: [N, H, W, C] uint8, C 1 or 3.
      columns: tiles a row; about as many as rows when not given.

    Returns:
      [height, width, C] uint8.
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    factor = max(1, _SMALLEST_TILE_PIXELS // height)
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = height * factor, width * factor
    canvas = np.full(
        (
            rows * (height + _GAP_PIXELS) + _GAP_PIXELS,
            columns * (width + _GAP_PIXELS) + _GAP_PIXELS,
            channels,
        ),
        255,
        np.uint8,
    )
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        top = _GAP_PIXELS + row * (height + _GAP_PIXELS)
        left = _GAP_PIXELS + column * (width + _GAP_PIXELS)
        canvas[top : top + height, left : left + width] = image
    return canvas


def write_png(path: str | pathlib.Path, image: np.ndarray) -> None:
    """Writes image [H, W, C] uint8, under a temporary name first."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(tf.io.encode_png(image).numpy())
    os.replace(partial, path)
