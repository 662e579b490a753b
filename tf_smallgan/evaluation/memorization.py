"""Whether samples are copies: the training images nearest to them in feature space."""

from typing import NamedTuple

import numpy as np

from tf_smallgan.evaluation.neighbors import Neighbors, Space, nearest, neighbor_radii

_SPACING_POINTS = 2000


class Memorization(NamedTuple):
    """The nearest training images, and how near they are.

    Attributes:
      nearest: distance [M] and row [M] of the training image nearest to each sample.
      ratio: the median of those distances over the median distance between training
        images that are nearest to one another. About 1 for new images of the same
        distribution, near 0 for copies, far above 1 for images that are like none.
    """

    nearest: Neighbors
    ratio: float


def nearest_training_images(real: np.ndarray, fake: np.ndarray) -> Memorization:
    """Compares samples [M, D] with training images [N, D], N at least 2."""
    space = Space(real, fake)
    found = nearest(space.fake, space.real)
    spacing = float(np.median(_spacing(space.real)))
    distance = float(np.median(found.distances))
    return Memorization(found, distance / spacing if spacing else float("nan"))


def _spacing(points: np.ndarray) -> np.ndarray:
    """Distance to the nearest other point, of at most 2,000 points."""
    return neighbor_radii(points, (1,), rows=min(len(points), _SPACING_POINTS))[1]
