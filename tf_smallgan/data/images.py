"""Encoded images to pixels: decode, convert, crop, resize, scale."""

import numpy as np
import tensorflow as tf

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
_PNG_BIT_DEPTH_BYTE, _PNG_COLOR_TYPE_BYTE = 24, 25
# Channels by PNG colour type: grey, -, RGB, palette, grey + alpha, -, RGBA.
_PNG_CHANNELS = (1, 0, 3, 3, 2, 0, 4)
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as JPEG's Y
_CHANNEL_NAMES = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "four-channel"}
# Any fixed pair: what matters is that it never changes.
_DIGEST_KEY = (0x5EED, 0x1A6E)


def is_image(encoded: tf.Tensor) -> tf.Tensor:
    """Whether one encoded image begins as a PNG or JPEG does, [] bool."""
    png = _starts_with(encoded, PNG_MAGIC)
    long_enough = tf.strings.length(encoded) > _PNG_COLOR_TYPE_BYTE
    return (png & long_enough) | _starts_with(encoded, JPEG_MAGIC)


def num_bytes(encoded: tf.Tensor) -> tf.Tensor:
    """Length of each string, int64."""
    return tf.cast(tf.strings.length(encoded), tf.int64)


def _starts_with(encoded: tf.Tensor, magic: bytes) -> tf.Tensor:
    return tf.strings.substr(encoded, 0, len(magic)) == magic


def digest(encoded: tf.Tensor) -> tf.Tensor:
    """A 63-bit hash of each encoded image, [...] string to [...] int64."""
    return tf.strings.to_hash_bucket_strong(encoded, 2**63 - 1, key=_DIGEST_KEY)


def stored_channels(encoded: tf.Tensor) -> tf.Tensor:
    """Channels of one encoded image from its header, [] int32; 0 when unknown."""
    jpeg = _starts_with(encoded, JPEG_MAGIC)
    return tf.case(
        [
            (jpeg, lambda: tf.io.extract_jpeg_shape(encoded)[2]),
            (is_image(encoded), lambda: _png_channels(encoded)),
        ],
        default=lambda: tf.constant(0),
    )


def _png_channels(encoded: tf.Tensor) -> tf.Tensor:
    color_type = _header_byte(encoded, _PNG_COLOR_TYPE_BYTE)
    return tf.gather(tf.constant(_PNG_CHANNELS), color_type)


def _header_byte(encoded: tf.Tensor, place: int) -> tf.Tensor:
    byte = tf.strings.substr(encoded, place, 1)
    return tf.cast(tf.io.decode_raw(byte, tf.uint8)[0], tf.int32)


def decode(encoded: tf.Tensor, channels: int) -> tf.Tensor:
    """Decodes a PNG or JPEG of any channel count.

    Alpha is composited over white; RGB becomes grey by its luma.

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
    # libjpeg makes no grey of CMYK.
    return tf.cond(
        tf.io.extract_jpeg_shape(encoded)[2] == 4,
        lambda: _round(_grey(tf.cast(decode_to(3), tf.float32))),
        lambda: decode_to(1),
    )


def _decode_png(encoded: tf.Tensor, channels: int) -> tf.Tensor:
    """Any PNG is RGBA first, so that one path serves all colour types."""
    rgba = tf.cast(tf.io.decode_png(encoded, channels=4), tf.float32)
    rgb, alpha = rgba[..., :3], rgba[..., 3:]
    # Of fewer than 8 bits, TensorFlow fills in the largest number of as many for the
    # alpha of opaque images: 1, 3 or 15.
    bits = _header_byte(encoded, _PNG_BIT_DEPTH_BYTE)
    filled_in = tf.cast(tf.bitwise.left_shift(1, bits) - 1, tf.float32)
    opaque = (bits < 8) & tf.reduce_all(alpha == filled_in)
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
    """Crops the centre square and resizes it.

    By area, since each new pixel is then the mean of those it covers: nothing
    aliases at any factor, and enlarging by a whole factor repeats pixels.

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


def decode_and_fit(encoded: tf.Tensor, resolution: int, channels: int) -> tf.Tensor:
    """[] string to [resolution, resolution, channels] uint8."""
    return fit(decode(encoded, channels), resolution)


def to_float(image: tf.Tensor) -> tf.Tensor:
    """uint8 to float32 in [-1, 1]."""
    return tf.cast(image, tf.float32) / 127.5 - 1.0


def to_uint8(image: tf.Tensor) -> tf.Tensor:
    """Inverse of `to_float`; values beyond [-1, 1] saturate."""
    return _round((tf.cast(image, tf.float32) + 1.0) * 127.5)


def mirror_where(flip: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    """Mirrors [H, W, C] left to right where `flip` [] is true."""
    return tf.where(flip, image[:, ::-1], image)


def conversions(stored: np.ndarray, channels: int) -> str:
    """Says which images were converted; empty where none was.

    Args:
      stored: [N] channel counts as stored.
      channels: C, 1 or 3.
    """
    counts = {int(c): int(n) for c, n in zip(*np.unique(stored, return_counts=True))}
    target = "RGB" if channels == 3 else "grey"
    parts = [
        f"{number:,} {_CHANNEL_NAMES.get(count, 'unknown')} "
        f"{'image was' if number == 1 else 'images were'} converted to {target}"
        for count, number in counts.items()
        if count != channels
    ]
    return "; ".join(parts)


# The orientation that a camera wrote into a JPEG, in graph.


# Exif comes first in a file, and the orientation among its first entries.
_HEAD_BYTES = 4096
_MOST_ENTRIES = 64
_EXIF = b"Exif\x00\x00"
_ORIENTATION = 0x0112


def orientation(encoded: tf.Tensor) -> tf.Tensor:
    """How an encoded image is to be turned, by Exif 2.3, 4.6.4.

    Args:
      encoded: [] string.

    Returns:
      [] int32 from 1 to 8; 1, as it is stored, also where nothing is said.
    """
    head = tf.io.decode_raw(tf.strings.substr(encoded, 0, _HEAD_BYTES), tf.uint8)
    # Filled up, so that what a torn file points to is 0.
    head = tf.cast(tf.pad(head, [[0, _HEAD_BYTES - tf.size(head)]]), tf.int32)
    last = _HEAD_BYTES - len(_EXIF)
    matches = [head[i : last + i] == byte for i, byte in enumerate(_EXIF)]
    found = tf.reduce_all(tf.stack(matches), axis=0)
    tiff = tf.argmax(found, output_type=tf.int32) + len(_EXIF)
    little = head[tiff] == ord("I")

    def number(at: tf.Tensor) -> tf.Tensor:
        """Two bytes as a number."""
        first = tf.gather(head, tf.minimum(at, _HEAD_BYTES - 2))
        second = tf.gather(head, tf.minimum(at, _HEAD_BYTES - 2) + 1)
        return tf.where(little, first + 256 * second, 256 * first + second)

    # The offset has four bytes; none in the head needs more than two of them.
    directory = tiff + number(tiff + tf.where(little, 4, 6))
    entries = directory + 2 + 12 * tf.range(_MOST_ENTRIES)
    there = tf.range(_MOST_ENTRIES) < number(directory)
    named = there & (number(entries) == _ORIENTATION)
    value = number(entries[tf.argmax(named)] + 8)
    said = tf.reduce_any(found) & tf.reduce_any(named) & (value >= 1) & (value <= 8)
    return tf.where(said, value, 1)
