"""Standing batch norm statistics over a grid of truncations.

A truncated latent gives other statistics than a whole one, so each truncation has
its own, and those between two of the grid are interpolated. Under the `hub` rule
means and variances are smooth functions of the squared truncation, so a coarse grid
is enough; every truncation sees the same random numbers, which keeps the noise of
neighbours alike.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.config.checks import check_truncation
from tf_smallgan.errors import InputError
from tf_smallgan.models.batch_norm import statistics_of
from tf_smallgan.models.latents import sample_truncated
from tf_smallgan.randomness import Purpose, integers, stream
from tf_smallgan.sampling.standing import (
    Draw,
    Moments,
    StatisticsGatherer,
    images_a_pass,
    set_table_row,
)


def check_grid(truncations: Sequence[float], rule: str) -> None:
    """Refuses a grid that does not rise, or beyond where the rule has truncations.

    Raises:
      InputError: for such a grid.
    """
    listed = ",".join(str(t) for t in truncations)
    rising = all(a < b for a, b in zip(truncations, truncations[1:]))
    if not truncations or not rising:
        raise InputError(
            f"--standing_truncations={listed} is not a rising list of numbers; give "
            "for example --standing_truncations=0.1,0.5,1."
        )
    for truncation in (truncations[0], truncations[-1]):
        check_truncation(truncation, "standing_truncations", rule)


def fill_tables(
    generator: keras.Model,
    spec: ModelSpec,
    *,
    truncations: Sequence[float],
    rule: str,
    batches: int,
    seed: int,
) -> None:
    """Fills the tables of `generator` with pooled statistics.

    Args:
      generator: built with `truncations`.
      spec: what it was built from.
      truncations: rising grid, as `check_grid` wants it.
      rule: truncation rule of `models.latents`.
      batches: forward passes at each truncation.
      seed: everything drawn follows from it.

    Raises:
      InputError: statistics are not finite.
    """
    gatherer = StatisticsGatherer(generator)
    for row, truncation in enumerate(truncations):
        draw = _standing_draw(spec, rule, truncation, seed)
        pooled = gatherer.gather(draw, batches)
        _check_finite(generator, pooled, truncation)
        set_table_row(generator, row, pooled)


def _standing_draw(spec: ModelSpec, rule: str, truncation: float, seed: int) -> Draw:
    size = images_a_pass(spec.resolution)

    def draw(batch: int) -> tuple[tf.Tensor, tf.Tensor | None]:
        # The same draws as those of `sample`.
        key = stream(seed, Purpose.STANDING_STATISTICS, batch)
        shape = [size, spec.latent_dim]
        latents = sample_truncated(
            rule, spec.latent_distribution, shape, key, truncation
        )
        if not spec.num_classes:
            return latents, None
        return latents, integers([size], key + 1, spec.num_classes)

    return draw


def _check_finite(generator: keras.Model, pooled: Moments, truncation: float) -> None:
    for number, (mean, variance) in enumerate(pooled):
        if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
            raise InputError(
                f"The standing statistics of batch norm {number} of {len(pooled)} are "
                f"not finite at truncation {truncation}: the weights of this "
                "checkpoint have diverged. Export an earlier one with --step=N."
            )


def tables_of(generator: keras.Model) -> list[tuple[np.ndarray, np.ndarray]]:
    """(means, variances), both [T, C], of each batch norm in the order of making."""
    tables = []
    for layer in statistics_of(generator):
        means, variances = layer.table_mean, layer.table_variance
        if means is None or variances is None:
            raise ValueError(f"{generator.name} was built without truncations.")
        tables.append((means.numpy(), variances.numpy()))
    return tables
