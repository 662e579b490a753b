"""Stateless randomness that does not depend on where it runs."""

import tensorflow as tf

from tf_smallgan.errors import InputError

# Chosen by name, since the default differs between devices.
ALGORITHM = "philox"
_FLOAT_BITS = 24


def check_seed(seed: tf.Tensor | None, method: str) -> tf.Tensor:
    """Returns the stateless seed [2] as int32.

    Raises:
        InputError: where it is missing or no pair of integers.
    """
    if seed is None:
        raise InputError(
            f"{method} selection is random, but seed is None: give a stateless seed, "
            "two integers such as (seed, step)."
        )
    seed = tf.convert_to_tensor(seed)
    if seed.shape != (2,) or not seed.dtype.is_integer:
        raise InputError(
            f"seed must be two integers, not {seed.dtype.name} of shape {seed.shape}."
        )
    return tf.cast(seed, tf.int32)


def uniform_numbers(seed: tf.Tensor, n: int) -> tf.Tensor:
    """[n] float32 in [0, 1), multiples of 2^-24.

    Made of integers: those are the same with and without XLA, whereas TensorFlow's
    uniform floats are not, and XLA may fold either into a constant.
    """
    bits = tf.random.stateless_uniform(
        [n], seed, minval=None, maxval=None, dtype=tf.uint32, alg=ALGORITHM
    )
    high = tf.bitwise.right_shift(bits, 32 - _FLOAT_BITS)
    return tf.cast(high, tf.float32) * 2.0**-_FLOAT_BITS


def fold_in(seed: tf.Tensor, number: int | tf.Tensor) -> tf.Tensor:
    """A seed [2] of its own for each number."""
    return tf.random.fold_in(seed, tf.cast(number, tf.int32), alg=ALGORITHM)
