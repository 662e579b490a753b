"""Batches as even as knowledge makes them: coverage that no core-set goes beyond.

A core-set is chosen to cover a large batch, without knowing where the modes are. Here
they are known: a batch holds each mode as often as any other, and latents lie one in
each of equally large cells of their square. If training does not gain from this, it
does not gain from how well a core-set covers.
"""

import math

import tensorflow as tf

from experiments.gaussian_grid.mixtures import GaussianGrid
from tf_smallgan import randomness
from tf_smallgan.config import Config
from tf_smallgan.coreset import shard
from tf_smallgan.randomness import Purpose, stream
from tf_smallgan.training.prior import LatentBatch, Prior


class EvenPrior(Prior):
    """Latents by `even_square`."""

    def draw(
        self, step: tf.Tensor, micro: int, batch: int, replica, replicas: int
    ) -> LatentBatch:
        """As `Prior.draw`, without a core-set."""
        seed = stream(self.seed, Purpose.LATENTS, step, micro)
        latents = shard(even_square(batch * replicas, seed), replica, replicas)
        return LatentBatch(latents, None, tf.ones([batch]))


def draws_a_square(config: Config) -> bool:
    """Whether latents are uniform in a square, which `EvenPrior` needs."""
    model = config.model
    return (model.latent_distribution, model.latent_dim) == ("uniform", 2)


def even_square(count: int, seed: tf.Tensor) -> tf.Tensor:
    """[count, 2] float32 in (-1, 1), each uniform in a cell of its own.

    The cells are equal rectangles, as square as the divisors of `count` let them be,
    so that each point alone is uniform in the square.
    """
    rows = max(n for n in range(1, math.isqrt(count) + 1) if count % n == 0)
    number = tf.range(count)
    cell = tf.stack([number // (count // rows), number % (count // rows)], 1)
    inside = randomness.uniform([count, 2], seed)
    cells = tf.constant([rows, count // rows], tf.float32)
    return 2 * (tf.cast(cell, tf.float32) + inside) / cells - 1


def even_points(grid: GaussianGrid, count: int, seed: tf.Tensor) -> tf.Tensor:
    """[count, 2] float32 of the mixture, no mode twice more often than another.

    Which modes come once more than others is random where `count` is no multiple of
    the modes.
    """
    pair = randomness.fold_in(seed, 0), randomness.fold_in(seed, 1)
    order = tf.argsort(randomness.uniform([grid.modes], pair[0]))
    mode = tf.gather(order, tf.range(count) % grid.modes)
    return grid.around(mode, pair[1])
