"""What replicas send one another in a training step, counted from the networks."""

import dataclasses
import math

import tensorflow as tf

from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.models.batch_norm import statistics_of
from tf_smallgan.models.factory import build_discriminator, build_generator
from tf_smallgan.models.initializers import weights_follow

_FLOAT_BYTES = 4
_MOMENTS = 2  # mean and mean of squares


@dataclasses.dataclass(frozen=True)
class Communication:
    """What is reduced over replicas in one step; float32 whatever the precision.

    Attributes:
      gradient_bytes: n_D |D| + |G| gradients.
      statistics_bytes: of batch norm, forward in n_D + 1 passes of G and backward in
        the one that trains G.
      statistics_reductions: how many small reductions these are, each of which waits
        for all replicas.
    """

    gradient_bytes: int
    statistics_bytes: int
    statistics_reductions: int

    def sent_bytes(self, replicas: int) -> float:
        """What each replica sends, and receives: a ring's 2 (R - 1) / R of the sum."""
        total = self.gradient_bytes + self.statistics_bytes
        return 2 * (replicas - 1) / replicas * total


def count_communication(spec: ModelSpec, discriminator_steps: int) -> Communication:
    """Counts without allocating a weight.

    D has no batch norm: a D update on real and fake images would mix their statistics.
    """
    with tf.Graph().as_default(), weights_follow():
        generator, discriminator = build_generator(spec), build_discriminator(spec)
    layers = statistics_of(generator)
    channels = sum(layer.moving_mean.shape[0] for layer in layers)
    passes = discriminator_steps + 2
    return Communication(
        gradient_bytes=_FLOAT_BYTES
        * (
            discriminator_steps * _trained(discriminator.trainable_variables)
            + _trained(generator.trainable_variables)
        ),
        statistics_bytes=passes * _MOMENTS * channels * _FLOAT_BYTES,
        statistics_reductions=passes * len(layers),
    )


def _trained(variables) -> int:
    return sum(math.prod(variable.shape) for variable in variables)
