"""Mixtures of Gaussians on a square grid, and which of their modes a sample covers."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from tf_smallgan import randomness
from tf_smallgan.errors import InputError


@dataclasses.dataclass(frozen=True)
class GaussianGrid:
    """Equally likely Gaussians on a square grid around the origin.

    Attributes:
      modes: how many, a square number.
      spacing: between neighbouring centres.
      deviation: of each coordinate around a centre.

    Raises:
      InputError: `modes` is not a square.
    """

    modes: int
    spacing: float = 2.0
    deviation: float = 0.05

    def __post_init__(self) -> None:
        if self.modes < 1 or math.isqrt(self.modes) ** 2 != self.modes:
            raise InputError(
                f"--modes={self.modes} is not a square number; give for example 64."
            )

    @property
    def centres(self) -> np.ndarray:
        """[M, 2] float32."""
        side = math.isqrt(self.modes)
        line = (np.arange(side) - (side - 1) / 2) * self.spacing
        return np.stack(np.meshgrid(line, line), -1).reshape(-1, 2).astype(np.float32)

    @property
    def reach(self) -> float:
        """Half the width of the square that the modes tile."""
        return math.isqrt(self.modes) * self.spacing / 2

    def sample(self, count: int, seed: tf.Tensor) -> tf.Tensor:
        """[count, 2] float32 that follow from `seed` [2] alone."""
        pair = randomness.fold_in(seed, 0), randomness.fold_in(seed, 1)
        mode = randomness.integers([count], pair[0], self.modes)
        return self.around(mode, pair[1])

    def around(self, mode: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """[N, 2] float32, one of each of the modes [N] that are numbered."""
        noise = randomness.normal([mode.shape[0], 2], seed)
        return tf.gather(tf.constant(self.centres), mode) + self.deviation * noise

    def score(self, points: np.ndarray, deviations: float = 4.0) -> "Cover":
        """How well points [N, 2] cover the mixture.

        Args:
          points: samples of a generator.
          deviations: a point belongs to a mode within so many of its deviations.
        """
        centres = self.centres
        side = math.isqrt(self.modes)
        low = centres.min(0)
        # The nearest centre of a grid is found by rounding, without a table [N, M].
        cell = np.rint((points - low) / self.spacing)
        cell = np.clip(np.nan_to_num(cell), 0, side - 1)
        nearest = low + cell * self.spacing
        close = np.linalg.norm(points - nearest, axis=1) <= deviations * self.deviation
        number = (cell[:, 1] * side + cell[:, 0]).astype(int)
        counts = np.bincount(number[close], minlength=self.modes)
        return Cover(
            modes_recovered=int((counts > 0).sum()),
            high_quality_share=float(close.mean()),
            imbalance=_imbalance(counts),
        )


@dataclasses.dataclass(frozen=True)
class Cover:
    """What a sample covers.

    Attributes:
      modes_recovered: modes with at least one point.
      high_quality_share: points that belong to a mode, over all.
      imbalance: Kullback-Leibler divergence of the points' modes from the uniform
        distribution, in nats; NaN where no point belongs to any.
    """

    modes_recovered: int
    high_quality_share: float
    imbalance: float


def _imbalance(counts: np.ndarray) -> float:
    if not counts.sum():
        return float("nan")
    shares = counts[counts > 0] / counts.sum()
    return float((shares * np.log(shares * len(counts))).sum())
