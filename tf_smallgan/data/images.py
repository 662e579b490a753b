"""Encoded images to pixels: inspect headers, decode, crop and resize.

All functions on tensors run in graph, without Python, so that they can be used in
`Dataset.map`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan.data.records import PARALLEL_CALLS, Reader, RecordTable, input_options
from tf_smallgan.errors import InputError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
_PNG_BIT_DEPTH_BYTE, _PNG_COLOR_TYPE_BYTE = 24, 25
# Channels by PNG colour type: grey, -, RGB, palette, grey + alpha, -, RGBA.
_PNG_CHANNELS = (1, 0, 3, 3, 2, 0, 4)
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in JPEG's Y.

# Any fixed pair, which must never change: record tables and caches contain digests.
_DIGEST_KEY = (0x5EED, 0x1A6E)

# Exif comes first in a file, and the orientation is among its first entries.
_EXIF_HEAD_BYTES = 4096
_EXIF_MAX_ENTRIES = 64
_EXIF_MAGIC = b"Exif\x00\x00"
_EXIF_ORIENTATION = 0x0112


def is_image(encoded: tf.Tensor) -> tf.Tensor:
    """Whether one encoded image begins as a PNG or JPEG does, [] bool."""
    png = _starts_with(encoded, PNG_MAGIC)
    long_enough = tf.strings.length(encoded) > _PNG_COLOR_TYPE_BYTE
    return (png & long_enough) | _starts_with(encoded, JPEG_MAGIC)


def num_bytes(encoded: tf.Tensor) -> tf.Tensor:
    """Length of each string, int64."""
    return tf.cast(tf.strings.length(encoded), tf.int64)


def digest(encoded: tf.Tensor) -> tf.Tensor:
    """A 63-bit hash of each encoded image, [...] string to [...] int64."""
    return tf.strings.to_hash_bucket_strong(encoded, 2**63 - 1, key=_DIGEST_KEY)


def stored_channels(encoded: tf.Tensor) -> tf.Tensor:
    """Channels of one encoded image from its header, [] int32; 0 if unknown."""
    jpeg = _starts_with(encoded, JPEG_MAGIC)
    return tf.case(
        [
            (jpeg, lambda: tf.io.extract_jpeg_shape(encoded)[2]),
            (is_image(encoded), lambda: _png_channels(encoded)),
        ],
        default=lambda: tf.constant(0),
    )


def orientation(encoded: tf.Tensor) -> tf.Tensor:
    """The orientation that a camera stored (Exif 2.3, section 4.6.4).

    Args:
      encoded: [] string.

    Returns:
      [] int32 from 1 to 8; 1, upright as stored, if there is no orientation.
    """
    head = tf.io.decode_raw(tf.strings.substr(encoded, 0, _EXIF_HEAD_BYTES), tf.uint8)
    # Padded with zeros, so that offsets of a truncated file stay in range.
    head = tf.cast(tf.pad(head, [[0, _EXIF_HEAD_BYTES - tf.size(head)]]), tf.int32)
    last = _EXIF_HEAD_BYTES - len(_EXIF_MAGIC)
    matches = [head[i : last + i] == byte for i, byte in enumerate(_EXIF_MAGIC)]
    found = tf.reduce_all(tf.stack(matches), axis=0)
    tiff = tf.argmax(found, output_type=tf.int32) + len(_EXIF_MAGIC)
    little = head[tiff] == ord("I")

    def number(at: tf.Tensor) -> tf.Tensor:
        """Two bytes as a number."""
        first = tf.gather(head, tf.minimum(at, _EXIF_HEAD_BYTES - 2))
        second = tf.gather(head, tf.minimum(at, _EXIF_HEAD_BYTES - 2) + 1)
        return tf.where(little, first + 256 * second, 256 * first + second)

    # The offset has four bytes; inside the head two of them suffice.
    directory = tiff + number(tiff + tf.where(little, 4, 6))
    entries = directory + 2 + 12 * tf.range(_EXIF_MAX_ENTRIES)
    valid = tf.range(_EXIF_MAX_ENTRIES) < number(directory)
    named = valid & (number(entries) == _EXIF_ORIENTATION)
    value = number(entries[tf.argmax(named)] + 8)
    stored = tf.reduce_any(found) & tf.reduce_any(named) & (value >= 1) & (value <= 8)
    return tf.where(stored, value, 1)


def _starts_with(encoded: tf.Tensor, magic: bytes) -> tf.Tensor:
    return tf.strings.substr(encoded, 0, len(magic)) == magic


def _png_channels(encoded: tf.Tensor) -> tf.Tensor:
    color_type = _header_byte(encoded, _PNG_COLOR_TYPE_BYTE)
    return tf.gather(tf.constant(_PNG_CHANNELS), color_type)


def _header_byte(encoded: tf.Tensor, place: int) -> tf.Tensor:
    byte = tf.strings.substr(encoded, place, 1)
    return tf.cast(tf.io.decode_raw(byte, tf.uint8)[0], tf.int32)


def decode_and_fit(encoded: tf.Tensor, resolution: int, channels: int) -> tf.Tensor:
    """[] string to [resolution, resolution, channels] uint8."""
    return fit(decode(encoded, channels), resolution)


def decode(encoded: tf.Tensor, channels: int) -> tf.Tensor:
    """Decodes a PNG or JPEG with any number of channels.

    Alpha is composited over white; RGB is converted to grey by its luma.

    Args:
      encoded: [] string.
      channels: C, 1 or 3.

    Returns:
      [H, W, C] uint8, H and W as stored.
    """
    image = tf.cond(
        _starts_with(encoded, PNG_MAGIC),
        lambda: _decode_png(encoded, channels),
        lambda: _decode_jpeg(encoded, channels),
    )
    return tf.ensure_shape(image, [None, None, channels])


def _decode_jpeg(encoded: tf.Tensor, channels: int) -> tf.Tensor:
    def decode_to(channels: int) -> tf.Tensor:
        # The accurate DCT: the fast one differs between builds of libjpeg.
        return tf.io.decode_jpeg(encoded, channels, dct_method="INTEGER_ACCURATE")

    if channels == 3:
        return decode_to(3)
    # libjpeg does not convert CMYK to grey.
    return tf.cond(
        tf.io.extract_jpeg_shape(encoded)[2] == 4,
        lambda: _round(_grey(tf.cast(decode_to(3), tf.float32))),
        lambda: decode_to(1),
    )


def _decode_png(encoded: tf.Tensor, channels: int) -> tf.Tensor:
    """Decodes to RGBA first, so that one path handles all colour types."""
    rgba = tf.cast(tf.io.decode_png(encoded, channels=4), tf.float32)
    rgb, alpha = rgba[..., :3], rgba[..., 3:]
    # For opaque images of fewer than 8 bits, TensorFlow sets alpha to the largest
    # number of that many bits: 1, 3 or 15 instead of 255.
    bits = _header_byte(encoded, _PNG_BIT_DEPTH_BYTE)
    largest = tf.cast(tf.bitwise.left_shift(1, bits) - 1, tf.float32)
    opaque = (bits < 8) & tf.reduce_all(alpha == largest)
    alpha = tf.where(opaque, 1.0, alpha / 255.0)
    over_white = 255.0 + (rgb - 255.0) * alpha
    if channels == 1:
        over_white = _grey(over_white)
    return _round(over_white)


def _grey(rgb: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(rgb * _LUMA, axis=-1, keepdims=True)


def _round(pixels: tf.Tensor) -> tf.Tensor:
    return tf.saturate_cast(tf.round(pixels), tf.uint8)


def fit(image: tf.Tensor, resolution: int) -> tf.Tensor:
    """Crops the centre square and resizes it by area.

    Each new pixel is the mean of the pixels it covers, so nothing aliases at any
    factor, and enlarging by an integer factor repeats pixels.

    Args:
      image: [H, W, C] uint8.
      resolution: new height and width.

    Returns:
      [resolution, resolution, C] uint8.
    """
    height, width = tf.unstack(tf.shape(image)[:2])
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    size, area = [resolution, resolution], tf.image.ResizeMethod.AREA
    return _round(tf.image.resize(square, size, method=area))


def to_float(image: tf.Tensor) -> tf.Tensor:
    """uint8 to float32 in [-1, 1]."""
    return tf.cast(image, tf.float32) / 127.5 - 1.0


def mirror_where(flip: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    """Mirrors [H, W, C] left to right where `flip` [] is true."""
    return tf.where(flip, image[:, ::-1], image)


def decoded_images(
    read: Reader,
    table: RecordTable,
    resolution: int,
    channels: int,
    records: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Decoded images and their labels, once each, unflipped.

    Args:
      read: the source's reader.
      table: N records.
      resolution: H and W.
      channels: C, 1 or 3.
      records: [M] record numbers in the order to read; all in the table's order if
        None.

    Returns:
      Single (image [H, W, C] uint8, label [] int32, -1 where unlabelled).
    """
    numbers = np.arange(table.num_images) if records is None else np.asarray(records)
    dataset = tf.data.Dataset.from_tensor_slices(
        (numbers.astype(np.int64), table.labels[numbers])
    )

    def load(record: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return decode_and_fit(read(record), resolution, channels), label

    dataset = dataset.map(load, num_parallel_calls=PARALLEL_CALLS)
    return dataset.with_options(input_options())


def refuse_unreadable(
    read: Reader, table: RecordTable, records: np.ndarray, channels: int
) -> None:
    """Names the first of `records` that does not decode.

    Decoding fails inside the input graph, which does not know the path; this decodes
    the few records of the failed batch again, one by one.

    Raises:
      InputError: an image is unreadable.
    """
    for record in records:
        try:
            decode(read(tf.constant(record, tf.int64)), channels)
        except (tf.errors.OpError, ValueError) as error:
            raise InputError(
                f"The image {table.name_of(int(record))} of {table.source} cannot be "
                f"read as PNG or JPEG ({_first_line(error)}). Replace or remove it."
            ) from error


def naming_unreadable(
    batches: Iterator[Any], first_step: int, check: Callable[[int], None]
) -> Iterator[Any]:
    """Passes batches on; an error in one is replaced by one that names the image.

    Args:
      batches: those of the steps from `first_step` on.
      check: (step) raises InputError if an image of that step is unreadable.
    """
    step = first_step
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except tf.errors.OpError:
            check(step)
            raise  # Every image decodes, so the cause is another one.
        yield batch
        step += 1


def _first_line(error: Exception) -> str:
    text = error.message if isinstance(error, tf.errors.OpError) else str(error)
    return text.splitlines()[0] if text else type(error).__name__
