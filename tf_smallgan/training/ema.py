"""The generator's averaged weights, the ones that are sampled from.

    ema <- decay * ema + (1 - decay) * weight

Before `start_step` the average is a copy. Vectors of power iteration and batch
norm statistics are copied: sampling recomputes them for the averaged weights
(models/standing.py).
"""

import keras
import tensorflow as tf


def update_average(
    strategy: tf.distribute.Strategy,
    average: keras.Model,
    model: keras.Model,
    decay: tf.Tensor | float,
) -> None:
    """Moves `average` towards `model`; called outside of replicas.

    Args:
      strategy: under which both were made.
      average: the averaged generator.
      model: the trained one.
      decay: scalar float32; 0 copies.
    """
    rest = 1.0 - decay

    def blend(variable, value):
        variable.assign(variable * decay + value * rest)

    def copy(variable, value):
        variable.assign(value)

    for old, new in zip(average.trainable_variables, model.trainable_variables):
        strategy.extended.update(old.value, blend, args=(new.value,))
    for old, new in zip(average.non_trainable_variables, model.non_trainable_variables):
        strategy.extended.update(old.value, copy, args=(new.value,))


def decay_at(step: tf.Tensor, decay: float, start_step: int) -> tf.Tensor:
    """0 (a copy) before `start_step`, `decay` from then on."""
    return tf.where(step < start_step, 0.0, decay)
