"""Fidelity and variety by nearest neighbours.

Precision and recall (Kynkaanniemi et al. 2019), with B_k(x) the ball around x up to
its k-th nearest neighbour in its own set, k = 3:

    precision = share of fakes that lie in some real ball
    recall    = share of reals that lie in some fake ball

Density and coverage (Naeem et al. 2020), k = 5, which a single outlier with a large
ball cannot deceive:

    density  = (1 / k M) sum over fakes of how many real balls hold it
    coverage = share of real balls that hold at least one fake
"""

from typing import NamedTuple

import numpy as np

from tf_smallgan.evaluation.neighbors import Space, distance_blocks, neighbor_radii

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
