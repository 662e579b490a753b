"""Distances between points, in blocks: memory follows the block, not N x M."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tf_smallgan.errors import InputError

_BLOCK_ROWS = 1024


class Neighbors(NamedTuple):
    """For each of N points: distance [N] to the nearest other point and its row."""

    distances: np.ndarray
    rows: np.ndarray


class Space:
    """Two sets of points around a common centre.

    A large common offset ruins squared distances in float32, so that the mean of
    the first set is subtracted from both.

    Args:
      real: [N, D].
      fake: [M, D].
    """

    def __init__(self, real: np.ndarray, fake: np.ndarray):
        mean = real.mean(0, dtype=np.float64)
        self.real = np.subtract(real, mean, dtype=np.float32, casting="same_kind")
        self.fake = np.subtract(fake, mean, dtype=np.float32, casting="same_kind")


def distance_blocks(
    points: np.ndarray, others: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows of the Euclidean distances [N, M], some at a time.

    Yields:
      The slice of `points`, and its distances [rows, M] float32.
    """
    squares = np.einsum("nd,nd->n", others, others)
    for start in range(0, len(points), _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, len(points)))
        block = points[rows] @ others.T
        block *= -2.0
        block += squares
        block += np.einsum("nd,nd->n", points[rows], points[rows])[:, None]
        np.maximum(block, 0.0, out=block)
        yield rows, np.sqrt(block, out=block)


def neighbor_radii(
    points: np.ndarray, ks: tuple[int, ...], rows: int | None = None
) -> dict[int, np.ndarray]:
    """Distance from each point to its k-th nearest other point, for several k.

    Args:
      points: [N, D].
      ks: which neighbours.
      rows: of how many points, the first ones; of all N where it is None.

    Returns:
      Distances [rows] by k.

    Raises:
      InputError: there are not more than k points.
    """
    if len(points) <= max(ks):
        raise InputError(
            f"The {max(ks)} nearest neighbours of {len(points)} points do not exist; "
            f"give at least {max(ks) + 1} images."
        )
    centers = points[:rows]
    radii = {k: np.empty(len(centers), np.float32) for k in ks}
    for part, block in distance_blocks(centers, points):
        # A point is no neighbour of its own; equal points are.
        block[np.arange(len(block)), np.arange(part.start, part.stop)] = np.inf
        block.partition(sorted(k - 1 for k in ks), axis=1)
        for k in ks:
            radii[k][part] = block[:, k - 1]
    return radii


def nearest(points: np.ndarray, others: np.ndarray) -> Neighbors:
    """The nearest of `others` [M, D] to each of `points` [N, D]."""
    distances = np.empty(len(points), np.float32)
    numbers = np.empty(len(points), np.int64)
    for rows, block in distance_blocks(points, others):
        numbers[rows] = block.argmin(1)
        distances[rows] = block.min(1)
    return Neighbors(distances, numbers)
