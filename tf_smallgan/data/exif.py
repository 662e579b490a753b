"""The orientation that a camera wrote into a JPEG, in graph."""

import tensorflow as tf

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
