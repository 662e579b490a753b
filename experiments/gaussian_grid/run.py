"""One run on a grid of Gaussians: the project's own step, its whole loop compiled."""

import functools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from experiments.common.perceptrons import Critic, Perceptron
from experiments.common.priors import unlabelled_prior
from experiments.gaussian_grid.even import EvenPrior, even_points
from experiments.gaussian_grid.mixtures import GaussianGrid
from tf_smallgan.config import Config
from tf_smallgan.coreset import CoresetSelection
from tf_smallgan.models.latents import sample_prior
from tf_smallgan.randomness import Purpose, stream
from tf_smallgan.training.prior import Prior
from tf_smallgan.training.state import TrainingState, assemble_state
from tf_smallgan.training.step import finish_step, replica_step

HIDDEN = (512, 512, 512)
# Neighbouring modes differ by a fraction of the plane, so D has to see fine structure.
# Told apart from uniform noise, 64 modes leave a hinge loss of about 1.8 after 1,000
# steps with ReLU in D's first layer, and of less than 0.7 with steep tanh.
CRITIC = {"first_activation": "tanh", "gain": 10.0, "reach": 1.0}
# A uniform square as wide as the modes' has a deviation of 0.58 of its half width.
SPREAD = 0.6
SCORED = 10_000


def build(config: Config, grid: GaussianGrid) -> TrainingState:
    """Fresh networks for points of the plane."""
    keras.utils.set_random_seed(config.run.seed)
    latent_dim = config.model.latent_dim
    assert latent_dim is not None
    shape: dict[str, Any] = {
        "inputs": latent_dim,
        "hidden": HIDDEN,
        "outputs": 2,
        # As far as normal latents go; uniform ones go to 1 and leave some units linear.
        "reach": 2.0,
        "output_unit": SPREAD * grid.reach,
    }
    generator = Perceptron(**shape, name="generator")
    average = Perceptron(**shape, name="average")
    discriminator = Critic(
        2, HIDDEN, input_unit=grid.reach, name="discriminator", **CRITIC
    )
    return assemble_state(generator, discriminator, average, config.training)


def real_batches(
    config: Config, grid: GaussianGrid, step: tf.Tensor, even: bool = False
):
    """A step's data as `replica_step` takes it: image [N, B, 2], weight [N, B].

    The data core-set is chosen on the points themselves.

    Args:
      even: by `even_points`, for a config without a core-set.
    """
    sample = functools.partial(even_points, grid) if even else grid.sample
    size, settings = config.training.batch_size, config.coreset
    images, weights = [], []
    for micro in range(config.training.discriminator_steps):
        counters = (step, micro)
        seed = stream(config.run.seed, Purpose.MIXTURE, *counters)
        points = sample(size * settings.data_oversample, seed)
        weight = tf.ones([size])
        if settings.data_oversample > 1:
            select = CoresetSelection(
                size, settings.coreset_method, weights=settings.coreset_weights
            )
            lots = stream(config.run.seed, Purpose.MIXTURE_SELECTION, *counters)
            chosen = select(points, seed=lots)
            points, weight = chosen if settings.coreset_weights else (chosen, weight)
        images.append(points)
        weights.append(weight)
    return {"image": tf.stack(images), "weight": tf.stack(weights), "label": None}


def compile_steps(
    state: TrainingState, config: Config, grid: GaussianGrid, even: bool = False
) -> tf.types.experimental.PolymorphicFunction:
    """A function that trains for a number of steps, a scalar int64 tensor.

    Args:
      even: without core-sets, but as evenly as can be (see `grid_even`).
    """
    strategy = tf.distribute.get_strategy()
    prior = unlabelled_prior(config, EvenPrior if even else Prior)

    def one(left: tf.Tensor) -> list[tf.Tensor]:
        step = tf.identity(state.step)
        batch = real_batches(config, grid, step, even)
        replica_step(state, prior, config.training, batch, step)
        finish_step(state, config.training, strategy, step)
        return [left - 1]

    @tf.function(jit_compile=True, autograph=False)
    def steps(count: tf.Tensor) -> None:
        tf.while_loop(lambda left: left > 0, one, [count])

    return steps


def train(
    config: Config, grid: GaussianGrid, every: int, even: bool = False
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Trains, and gives what G and its average draw after each `every` steps.

    Yields:
      The step, and by "trained" and "average" 10,000 samples [N, 2] of the plain prior.
    """
    state = build(config, grid)
    steps = compile_steps(state, config, grid, even)
    done, last = 0, config.training.train_steps
    while done < last:
        count = min(every, last - done)
        steps(tf.constant(count, tf.int64))
        done += count
        yield (
            done,
            {
                "trained": draw(state.generator, config),
                "average": draw(state.average, config),
            },
        )


def draw(generator: keras.Model, config: Config) -> np.ndarray:
    """10,000 samples [N, 2] of the plain prior."""
    latents = sample_prior(
        config.model.latent_distribution,
        [SCORED, config.model.latent_dim],
        stream(config.run.seed, Purpose.EVALUATION),
    )
    return generator(latents).numpy()
