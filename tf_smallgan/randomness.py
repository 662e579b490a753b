"""Stateless random numbers: every draw is a function of (seed, purpose, counters).

A resumed run therefore repeats an uninterrupted one, and replicas that pass the same
counters draw the same numbers. The algorithm is Philox everywhere: TensorFlow's
default depends on the device.
"""

import enum
from typing import Any

import tensorflow as tf

from tf_smallgan.errors import InputError

ALGORITHM = "philox"
_FLOAT_BITS = 24


class Purpose(enum.IntEnum):
    """What a stream of random numbers is for; no two purposes share numbers.

    The numbers of STANDING_STATISTICS and SAMPLES determine which images a seed
    gives: changing them changes the samples of existing runs and exports.
    """

    STANDING_STATISTICS = 1
    SAMPLES = 2
    LABELS = 3
    LATENTS = 4
    LATENT_SELECTION = 5
    EVALUATION = 6
    IMAGE_ORDER = 7
    MIXTURE = 8
    MIXTURE_SELECTION = 9
    PAIRING = 10
    IMAGE_SELECTION = 11
    FLIPS = 12


def stream(
    seed: int | tf.Tensor, purpose: Purpose, *counters: int | tf.Tensor
) -> tf.Tensor:
    """The seed of one draw.

    Args:
      seed: the run's seed, an integer or scalar integer tensor; all 64 bits count.
      purpose: what the numbers are for.
      *counters: scalars below 2^31, such as step, update and replica.

    Returns:
      [2] int64, a seed for stateless operations.
    """
    first = tf.cast(tf.convert_to_tensor(seed, dtype_hint=tf.int64), tf.int64)
    return fold_in(tf.stack([first, tf.constant(int(purpose), tf.int64)]), *counters)


def fold_in(seed: tf.Tensor, *counters: int | tf.Tensor) -> tf.Tensor:
    """A different seed [2] int64 for each sequence of counters.

    Args:
      seed: [2] integers.
      *counters: scalars below 2^31.
    """
    for counter in counters:
        counter = tf.cast(counter, tf.int32)
        seed = tf.random.fold_in(seed, counter, alg=ALGORITHM)
    return tf.cast(seed, tf.int64)


def uniform(
    shape: Any,
    seed: tf.Tensor,
    low: float = 0.0,
    high: float = 1.0,
    dtype: Any = tf.float32,
) -> tf.Tensor:
    """Uniform numbers in [low, high) of a shape."""
    return tf.random.stateless_uniform(shape, seed, low, high, dtype, alg=ALGORITHM)


def normal(shape: Any, seed: tf.Tensor, dtype: Any = tf.float32) -> tf.Tensor:
    """Standard normal numbers of a shape."""
    return tf.random.stateless_normal(shape, seed, dtype=dtype, alg=ALGORITHM)


def integers(
    shape: Any, seed: tf.Tensor, high: int | tf.Tensor, dtype: Any = tf.int32
) -> tf.Tensor:
    """Uniform integers in [0, high) of a shape."""
    return tf.random.stateless_uniform(shape, seed, 0, high, dtype, alg=ALGORITHM)


def random_bits(shape: Any, seed: tf.Tensor, dtype: Any = tf.uint32) -> tf.Tensor:
    """Integers of a shape whose bits are all random."""
    return tf.random.stateless_uniform(shape, seed, None, None, dtype, alg=ALGORITHM)


def uniform_numbers(seed: tf.Tensor, n: int) -> tf.Tensor:
    """[n] float32 in [0, 1), multiples of 2^-24, identical with and without XLA.

    They are computed from random integers. TensorFlow's uniform floats differ under
    XLA, and a graph may evaluate either version when it folds constants.
    """
    high = tf.bitwise.right_shift(random_bits([n], seed), 32 - _FLOAT_BITS)
    return tf.cast(high, tf.float32) * 2.0**-_FLOAT_BITS


def check_seed(seed: tf.Tensor | None, method: str) -> tf.Tensor:
    """Returns the seed of a random core-set method as [2] int64.

    Raises:
      InputError: the seed is missing or is not a pair of integers.
    """
    if seed is None:
        raise InputError(
            f"{method} selection is random, but seed is None: pass a stateless seed, "
            "two integers such as (seed, step)."
        )
    seed = tf.convert_to_tensor(seed)
    if seed.shape != (2,) or not seed.dtype.is_integer:
        raise InputError(
            f"seed must be two integers, not {seed.dtype.name} of shape {seed.shape}."
        )
    return tf.cast(seed, tf.int64)
