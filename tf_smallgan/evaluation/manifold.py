"""Scores by nearest neighbours and clusters of features.

Precision, recall, density and coverage; the training images nearest to samples; and the
number of modes (clusters of the data) that samples reach. Distances are computed in
blocks, so that memory does not grow with the product of the two sets.
"""

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


PRECISION_K, DENSITY_K = 3, 5


class Manifold(NamedTuple):
    """Three shares, and density, which may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def compare_manifolds(real: np.ndarray, fake: np.ndarray) -> Manifold:
    """All four from one pass over the distances.

    Args:
      real: [N, D].
      fake: [M, D]. The results depend on N and M; use equal ones to compare.

    Raises:
      InputError: a set has no more than 5 points.
    """
    space = Space(real, fake)
    real_radii = neighbor_radii(space.real, (PRECISION_K, DENSITY_K))
    fake_radii = neighbor_radii(space.fake, (PRECISION_K,))[PRECISION_K]
    held_fakes = np.zeros(len(fake), bool)
    held_reals = np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    balls = 0
    for rows, block in distance_blocks(space.fake, space.real):
        held_fakes[rows] = (block <= real_radii[PRECISION_K]).any(1)
        held_reals |= (block <= fake_radii[rows, None]).any(0)
        inside = block <= real_radii[DENSITY_K]
        balls += int(inside.sum())
        covered |= inside.any(0)
    return Manifold(
        precision=float(held_fakes.mean()),
        recall=float(held_reals.mean()),
        density=balls / (DENSITY_K * len(fake)),
        coverage=float(covered.mean()),
    )


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


MOST_CELLS = 100
_POINTS_A_CELL = 10
_ROUNDS = 10


def num_cells(num_points: int) -> int:
    """100 cells, fewer where that leaves less than ten reals each."""
    return max(1, min(MOST_CELLS, num_points // _POINTS_A_CELL))


def modes_reached(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> int:
    """How many of `num_cells(N)` cells hold a sample.

    Args:
      real: [N, D], clustered.
      fake: [M, D].
      seed: of the clustering.
    """
    space = Space(real, fake)
    centers = _k_means(space.real, num_cells(len(real)), seed)
    return len(np.unique(nearest(space.fake, centers).rows))


def _k_means(points: np.ndarray, k: int, seed: int) -> np.ndarray:
    """[k, D] centres by Lloyd's iteration from distance-weighted starts."""
    rng = np.random.default_rng(seed)
    centers = _spread_starts(points, k, rng)
    for _ in range(_ROUNDS):
        cells = nearest(points, centers).rows
        counts = np.bincount(cells, minlength=k)
        members = (cells == np.arange(k)[:, None]).astype(np.float32)
        used = counts > 0
        moved = centers.copy()
        moved[used] = (members @ points)[used] / counts[used, None]
        if np.array_equal(moved, centers):
            break
        centers = moved
    return centers


def _spread_starts(points: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """k points, each drawn by its squared distance to those before (k-means++)."""
    squares = np.einsum("nd,nd->n", points, points)
    chosen = [int(rng.integers(len(points)))]
    distances = np.full(len(points), np.inf)
    for _ in range(k - 1):
        last = points[chosen[-1]]
        new = squares - 2 * (points @ last) + last @ last
        distances = np.minimum(distances, np.maximum(new, 0))
        total = distances.sum()
        weights = distances / total if total else None
        chosen.append(int(rng.choice(len(points), p=weights)))
    return points[chosen].copy()
