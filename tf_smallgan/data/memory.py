"""Encoded images held in memory."""

from collections.abc import Sequence

import tensorflow as tf

from tf_smallgan.data.records import Reader

MEMORY_LIMIT_BYTES = 512 * 2**20


def memory_reader(encoded: Sequence[bytes] | tf.Tensor) -> Reader:
    """Reads record n as element n of `encoded` [N] string."""
    with tf.device("CPU:0"):
        held = tf.convert_to_tensor(encoded, tf.string)

    def read(record: tf.Tensor) -> tf.Tensor:
        return tf.gather(held, record)

    return read
