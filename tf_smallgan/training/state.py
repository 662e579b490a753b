"""All that training changes, in one object that a checkpoint can hold."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.config.flags import TrainingFlags
from tf_smallgan.errors import InputError
from tf_smallgan.models.factory import build_discriminator, build_generator
from tf_smallgan.models.initializers import weights_follow


@dataclasses.dataclass
class TrainingState:
    """Networks, optimizers and the one step counter.

    Attributes:
      step: scalar int64 variable; one step is all D updates and one G update.
      skipped: scalar int64 variable, the steps' worth of draws that rollbacks left
        behind: data and latents of a step are those of `step + skipped`.
      rollbacks: scalar int64 variable, how often training went back.
    """

    generator: keras.Model
    discriminator: keras.Model
    average: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    discriminator_optimizer: keras.optimizers.Optimizer
    step: tf.Variable
    skipped: tf.Variable
    rollbacks: tf.Variable

    def position(self) -> int:
        """How many steps' worth of data and latents are drawn."""
        return int(self.step.numpy()) + int(self.skipped.numpy())

    def checkpoint(self, **more: Any) -> tf.train.Checkpoint:
        """What is saved: everything needed to go on, and `more` trackables."""
        return tf.train.Checkpoint(
            generator=self.generator,
            discriminator=self.discriminator,
            average=self.average,
            generator_optimizer=self.generator_optimizer,
            discriminator_optimizer=self.discriminator_optimizer,
            step=self.step,
            skipped=self.skipped,
            rollbacks=self.rollbacks,
            **more,
        )


def build_state(spec: ModelSpec, training: TrainingFlags, seed: int) -> TrainingState:
    """Fresh networks and optimizers; call under the strategy's scope."""
    keras.utils.set_random_seed(seed)
    generator = build_generator(spec)
    discriminator = build_discriminator(spec)
    with weights_follow():
        average = build_generator(spec, name="average")
    return assemble_state(generator, discriminator, average, training)


def assemble_state(
    generator: keras.Model,
    discriminator: keras.Model,
    average: keras.Model,
    training: TrainingFlags,
) -> TrainingState:
    """The state of networks that are built; `average` becomes a copy of G."""
    for old, new in zip(average.variables, generator.variables):
        old.assign(new)
    return TrainingState(
        generator=generator,
        discriminator=discriminator,
        average=average,
        generator_optimizer=adam(training, training.generator_lr, generator),
        discriminator_optimizer=adam(
            training, training.discriminator_lr, discriminator
        ),
        step=_counter("step"),
        skipped=_counter("skipped"),
        rollbacks=_counter("rollbacks"),
    )


def _counter(name: str) -> tf.Variable:
    return tf.Variable(
        0,
        dtype=tf.int64,
        trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        name=name,
    )


def adam(
    training: TrainingFlags, learning_rate: float, model: keras.Model
) -> keras.optimizers.Optimizer:
    """Adam with the config's moments, its variables made."""
    optimizer = keras.optimizers.Adam(
        learning_rate,
        beta_1=training.adam_beta1,
        beta_2=training.adam_beta2,
        epsilon=1e-8,
    )
    # Building now keeps the step's first trace free of variable creation.
    optimizer.build(model.trainable_variables)
    return optimizer


# What TensorFlow raises for a checkpoint that does not fit the networks.
UNREADABLE = (tf.errors.OpError, ValueError, AssertionError, IndexError)


def damaged_checkpoint(path: str, reason: str) -> InputError:
    """What to say of a checkpoint whose files are not as they were written."""
    return InputError(
        f"The checkpoint {path} is damaged and cannot be restored ({reason[:160]}). "
        "Use another step, or remove the files of that step."
    )


def foreign_checkpoint(path: str, error: Exception) -> InputError:
    """What to say of a checkpoint that is whole and does not fit."""
    if not was_trained(path):
        return InputError(
            f"The checkpoint {path} was imported, so that it has averaged weights "
            "alone: it can be sampled, scored (--weights=average) and exported, but "
            "not trained on."
        )
    return InputError(
        f"The checkpoint {path} cannot be restored ({str(error)[:160]}...): it is of "
        "other networks than the workdir's flags.cfg says. Give the flags it was "
        "trained with, or choose another --workdir."
    )


def was_trained(path: str) -> bool:
    """Whether training wrote it: then the weights that are trained are in it."""
    try:
        names = [name for name, _ in tf.train.list_variables(path)]
    except UNREADABLE:  # Rotated away meanwhile: nothing can be said of it.
        return True
    return any(name.startswith("generator/") for name in names)


def restore_average(spec: ModelSpec, checkpoint_path: str) -> tuple[keras.Model, int]:
    """The averaged generator and its step, as `restore_generator` gives them."""
    return restore_generator(spec, checkpoint_path, "average")


def restore_generator(
    spec: ModelSpec, checkpoint_path: str, weights: str
) -> tuple[keras.Model, int]:
    """A generator of a checkpoint and its step; builds neither D nor optimizers.

    Args:
      spec: what it was built from.
      checkpoint_path: as TensorFlow names it.
      weights: "average", or "trained" for those that the optimizer moves.

    Raises:
      InputError: the checkpoint is of other networks.
    """
    name = {"average": "average", "trained": "generator"}[weights]
    with weights_follow():
        generator = build_generator(spec, name=name)
    step = tf.Variable(0, dtype=tf.int64, trainable=False)
    checkpoint = tf.train.Checkpoint(**{name: generator, "step": step})
    try:
        status = checkpoint.read(checkpoint_path).expect_partial()
        status.assert_existing_objects_matched()
    except UNREADABLE as error:
        raise foreign_checkpoint(checkpoint_path, error) from error
    return generator, int(step.numpy())
