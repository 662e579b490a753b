"""Standing batch norm statistics, recomputed for the weights that are sampled.

BigGAN samples with statistics gathered over many (about 100) forward passes at the
truncation that is used: averaged weights and truncated latents both give other
statistics than training did. The passes are pooled as if they were one batch.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_smallgan.models.batch_norm import interpolate, statistics_of

Draw = Callable[[int], tuple[tf.Tensor, tf.Tensor | None]]
Moments = list[tuple[np.ndarray, np.ndarray]]

_PASS_PIXELS = 64 * 128 * 128


def images_a_pass(resolution: int) -> int:
    """Images of a forward pass: 64 up to 128 px, fewer of larger ones, for memory.

    A power of two, so that 64 images are whole passes.
    """
    fitting = max(1, min(64, _PASS_PIXELS // resolution**2))
    return 1 << (fitting.bit_length() - 1)


class StatisticsGatherer:
    """Pools batch norm statistics of a generator; traced once, used often.

    Args:
      generator: called with batch statistics; nothing of it is updated.
    """

    def __init__(self, generator: keras.Model):
        self._layers = statistics_of(generator)

        @tf.function(autograph=False)
        def moments(latents: tf.Tensor, labels: tf.Tensor | None) -> list[Any]:
            generator(latents, labels, batch_statistics=True)
            return [layer.last_moments for layer in self._layers]

        self._moments = moments

    def gather(self, draw: Draw, batches: int) -> Moments:
        """Pooled mean and variance [C] of each batch norm.

        Args:
          draw: batch number to latents [B, Z] and labels [B] or None.
          batches: forward passes.

        Returns:
          One (mean, variance) a batch norm, in the order of `statistics_of`, float64.
        """
        means: list = [np.float64(0)] * len(self._layers)
        squares: list = [np.float64(0)] * len(self._layers)
        for i in range(batches):
            for j, (mean, variance) in enumerate(self._moments(*draw(i))):
                mean = mean.numpy().astype(np.float64)
                means[j] = means[j] + mean
                squares[j] = squares[j] + variance.numpy() + mean**2
        pooled = []
        for mean, square in zip(means, squares):
            mean = mean / batches
            pooled.append((mean, np.maximum(square / batches - mean**2, 0)))
        return pooled


def set_moving_statistics(generator: keras.Model, pooled: Moments) -> None:
    """Overwrites the moving statistics of `generator` with pooled ones."""
    for layer, (mean, variance) in zip(statistics_of(generator), pooled):
        layer.moving_mean.assign(mean.astype(np.float32))
        layer.moving_variance.assign(variance.astype(np.float32))


@contextlib.contextmanager
def state_kept(generator: keras.Model) -> Iterator[None]:
    """Sets back at the end what sampling moves: a checkpoint may be next.

    That is moving statistics and the vectors of spectral norm.
    """
    kept = [(x, x.numpy()) for x in generator.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in kept:
            variable.assign(value)


def set_table_row(generator: keras.Model, row: int, pooled: Moments) -> None:
    """Writes pooled statistics into row `row` of each batch norm's table."""
    for layer, (mean, variance) in zip(statistics_of(generator), pooled):
        for table, value in (
            (layer.table_mean, mean),
            (layer.table_variance, variance),
        ):
            assert table is not None, "built without truncations"
            rows = table.numpy()
            rows[row] = value
            table.assign(rows)


def has_table(generator: keras.Model) -> bool:
    """Whether the generator brings standing statistics by truncation."""
    return any(layer.truncations for layer in statistics_of(generator))


def use_table(generator: keras.Model, truncation: float) -> None:
    """Sets the moving statistics to those of the generator's table."""
    position = tf.constant([truncation], tf.float32)
    for layer in statistics_of(generator):
        for moving, table in (
            (layer.moving_mean, layer.table_mean),
            (layer.moving_variance, layer.table_variance),
        ):
            assert table is not None, "built without truncations"
            moving.assign(interpolate(layer.truncations, table.numpy(), position)[0])
