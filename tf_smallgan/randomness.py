"""Stateless seeds: every draw follows from (seed, purpose, counters).

A resumed run therefore repeats an uninterrupted one, and replicas that are given
the same counters draw the same numbers.
"""

import enum

import tensorflow as tf


class Purpose(enum.IntEnum):
    """What a stream of random numbers is for; streams never meet."""

    LATENTS = 1
    LATENT_SELECTION = 2
    LABELS = 3
    STANDING = 4
    PREVIEW = 5
    EVALUATION = 6
    CLASSIFIER = 7
    MIXTURE = 8
    MIXTURE_SELECTION = 9
    PAIRING = 10


def stream(seed: int, purpose: Purpose, *counters) -> tf.Tensor:
    """A seed [2] int32 for stateless ops.

    Args:
      seed: the run's.
      purpose: what the numbers are for.
      *counters: integers or scalar integer tensors: step, microstep, replica.
    """
    result = tf.constant([seed % 2**31, int(purpose)], tf.int32)
    for counter in counters:
        result = tf.random.experimental.stateless_fold_in(
            result, tf.cast(counter, tf.int32)
        )
    return result
