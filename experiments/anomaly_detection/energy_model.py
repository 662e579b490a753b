"""A maximum-entropy energy-based model: an energy, and a generator of its negatives.

Kumar, Ozair, Goyal, Courville and Bengio 2019, Maximum Entropy Generators for
Energy-Based Models (arXiv 1901.08508). With an energy E, a generator G and a
statistics network T:

    E lowers   E(x) - E(G(z)) + R1,      R1 = penalty * 1/2 |grad_x E(x)|^2 at data x
    G lowers   E(G(z)) - I(G(z); z)      G(z) determines the information it carries,
                                         so I is its entropy up to a constant
    T raises   I

where I is the Jensen-Shannon estimate of mutual information (Hjelm et al. 2019,
Deep InfoMax).
"""

import dataclasses
import math

import keras
import tensorflow as tf

from experiments.common.perceptrons import Critic, Perceptron
from tf_smallgan import randomness
from tf_smallgan.config import Config
from tf_smallgan.training.losses import logits_and_slopes, r1
from tf_smallgan.training.prior import LatentBatch
from tf_smallgan.training.state import adam

HIDDEN = (256, 256)


class ImagePerceptron(Perceptron):
    """Latents [N, Z] to flat images [N, P] in [-1, 1]."""

    def call(self, points: tf.Tensor, labels: None = None, training: bool = False):
        """[N, Z] to [N, P]."""
        return tf.tanh(super().call(points, labels, training))


@dataclasses.dataclass
class EnergyModel:
    """What is trained.

    Attributes:
      generator: latents [N, Z] to images [N, P].
      energy: images [N, P] to energies [N], low where the data are.
      statistics: images and latents side by side [N, P + Z] to [N].
      step: scalar int64 variable, the steps done.
    """

    generator: keras.Model
    energy: keras.Model
    statistics: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    energy_optimizer: keras.optimizers.Optimizer
    statistics_optimizer: keras.optimizers.Optimizer
    step: tf.Variable


def build(config: Config, pixels: int) -> EnergyModel:
    """Fresh networks for flat images of P = `pixels` values."""
    keras.utils.set_random_seed(config.run.seed)
    training, latent_dim = config.training, config.model.latent_dim
    assert latent_dim is not None
    generator = ImagePerceptron(latent_dim, HIDDEN, pixels, name="generator")
    energy = Critic(pixels, HIDDEN, name="energy")
    statistics = Critic(pixels + latent_dim, HIDDEN, name="statistics")
    return EnergyModel(
        generator,
        energy,
        statistics,
        adam(training, training.generator_lr, generator),
        adam(training, training.discriminator_lr, energy),
        adam(training, training.generator_lr, statistics),
        tf.Variable(0, dtype=tf.int64, trainable=False, name="step"),
    )


def jensen_shannon_information(
    together: tf.Tensor, apart: tf.Tensor, weights: tf.Tensor, apart_weights: tf.Tensor
) -> tf.Tensor:
    """The Jensen-Shannon estimate of mutual information, in nats; at most log 2.

        I = log 2 - 1/2 E[softplus(-T(x, z))] - 1/2 E[softplus(T(x, z'))]

    It is 0 where T says nothing, and log 2 where T tells all pairs apart.

    Args:
      together: [N], T of pairs that belong together.
      apart: [M], T of pairs that were drawn apart.
      weights, apart_weights: [N] and [M] with mean 1.
    """
    errors = tf.reduce_mean(weights * tf.nn.softplus(-together))
    errors += tf.reduce_mean(apart_weights * tf.nn.softplus(apart))
    return math.log(2) - errors / 2


def update_energy(
    model: EnergyModel,
    images: tf.Tensor,
    weights: tf.Tensor,
    prior: LatentBatch,
    r1_penalty: float,
) -> tf.Tensor:
    """One update of E on data [B, P] with weights [B]; gives E(x) - E(G(z))."""
    variables = model.energy.trainable_variables
    fakes = tf.stop_gradient(model.generator(prior.latents))
    with tf.GradientTape() as tape:
        real, slopes = logits_and_slopes(model.energy, images, None)
        fake = model.energy(fakes)
        gap = tf.reduce_mean(weights * real) - tf.reduce_mean(prior.weights * fake)
        penalty = r1(slopes, weights) / images.shape[0]
        loss = gap + r1_penalty * penalty
    model.energy_optimizer.apply(tape.gradient(loss, variables), variables)
    return gap


def update_generator(
    model: EnergyModel, prior: LatentBatch, seed: tf.Tensor
) -> tf.Tensor:
    """One update of G and T; gives the information that G keeps of its latents.

    Args:
      model: what is trained.
      prior: a batch of latents.
      seed: [2] integers, of the pairs that are drawn apart.
    """
    generator = model.generator.trainable_variables
    statistics = model.statistics.trainable_variables
    # Not a shift: a core-set's neighbours in order may be neighbours in space.
    others = tf.argsort(randomness.uniform([prior.latents.shape[0]], seed))
    with tf.GradientTape() as tape:
        fakes = model.generator(prior.latents)
        energy = tf.reduce_mean(prior.weights * model.energy(fakes))
        pairs = [prior.latents, tf.gather(prior.latents, others)]
        inputs = tf.concat([tf.concat([fakes, z], 1) for z in pairs], 0)
        together, apart = tf.split(model.statistics(inputs), 2)
        information = jensen_shannon_information(
            together,
            apart,
            prior.weights,
            prior.weights * tf.gather(prior.weights, others),
        )
        loss = energy - information
    gradients = tape.gradient(loss, generator + statistics)
    model.generator_optimizer.apply(gradients[: len(generator)], generator)
    model.statistics_optimizer.apply(gradients[len(generator) :], statistics)
    return information
