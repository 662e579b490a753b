"""How many modes of the data the samples reach.

Modes are cells: the reference's features are clustered by k-means, each cell is a
mode, and it is reached when it is the nearest cell to at least one sample (the count
of captured modes of Srivastava et al. 2017, with cells in place of known modes, as
Richardson & Weiss 2018 bin them).
"""

import numpy as np

from tf_smallgan.evaluation.neighbors import Space, nearest

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
