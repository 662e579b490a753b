"""The generator's averaged weights, the ones that are sampled from.

    ema <- decay * ema + (1 - decay) * weight

Before `start_step` the average is a copy. Vectors of power iteration and batch
norm statistics are copied: sampling recomputes them for the averaged weights
(sampling/standing.py).
"""

from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.config.flags import TrainingFlags

# Of the weights that training began with; noise then shows in samples.
_MOST_LEFT = 0.1


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

    def blend(variable: Any, value: tf.Tensor) -> None:
        variable.assign(variable * decay + value * rest)

    def copy(variable: Any, value: tf.Tensor) -> None:
        variable.assign(value)

    for old, new in zip(average.trainable_variables, model.trainable_variables):
        strategy.extended.update(old.value, blend, args=(new.value,))
    for old, new in zip(average.non_trainable_variables, model.non_trainable_variables):
        strategy.extended.update(old.value, copy, args=(new.value,))


def warning(training: TrainingFlags) -> str:
    """A sentence where the average will be no average of what was learned, else ""."""
    steps = training.train_steps - training.ema_start_step
    left = training.ema_decay ** max(steps, 0)
    if steps <= 0 or left <= _MOST_LEFT:
        return ""
    return (
        f"Warning: after --train_steps={training.train_steps} the averaged weights, "
        f"which are sampled, scored and exported, are still {left:.0%} what G was at "
        f"step {training.ema_start_step}; give a smaller --ema_decay than "
        f"{training.ema_decay:g}, such as {max(0.0, 1 - 10 / steps):.8g} (in a fresh "
        "--workdir), or train longer."
    )


def decay_at(step: tf.Tensor, decay: float, start_step: int) -> tf.Tensor:
    """0 (a copy) before `start_step`, `decay` from then on."""
    return tf.where(step < start_step, 0.0, decay)
