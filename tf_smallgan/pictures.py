"""Sheets of images as PNG."""

import math
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_smallgan.atomic import replacing

_GAP_PIXELS = 2
_SMALLEST_TILE_PIXELS = 64
# TensorFlow writes no PNG of more.
MOST_VALUES = 2**31 - 2


def sheet(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Tiles images on white, enlarged by whole factors where they are small.

    Args:
      images: [N, H, W, C] uint8, C 1 or 3.
      columns: tiles a row; about as many as rows when not given.

    Returns:
      [height, width, C] uint8.
    """
    count, *shape = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    factor = _factor(shape[0])
    height, width = shape[0] * factor, shape[1] * factor
    canvas = np.full(sheet_shape(count, columns, shape), 255, np.uint8)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        top = _GAP_PIXELS + row * (height + _GAP_PIXELS)
        left = _GAP_PIXELS + column * (width + _GAP_PIXELS)
        large = image.repeat(factor, axis=0).repeat(factor, axis=1)
        canvas[top : top + height, left : left + width] = large
    return canvas


def sheet_shape(
    count: int, columns: int, image_shape: Sequence[int]
) -> tuple[int, int, int]:
    """(height, width, C) of a sheet of `count` images of shape (H, W, C)."""
    height, width, channels = image_shape
    factor = _factor(height)
    return (
        math.ceil(count / columns) * (height * factor + _GAP_PIXELS) + _GAP_PIXELS,
        columns * (width * factor + _GAP_PIXELS) + _GAP_PIXELS,
        channels,
    )


def _factor(height: int) -> int:
    """How many times as large a tile is drawn."""
    return max(1, _SMALLEST_TILE_PIXELS // height)


def write_png(path: str | pathlib.Path, image: np.ndarray) -> None:
    """Writes image [H, W, C] uint8."""
    with replacing(path) as partial:
        partial.write_bytes(tf.io.encode_png(image).numpy())
