"""The definitions, in NumPy, as plainly as they can be written."""

import itertools

import numpy as np


def greedy_indices(points: np.ndarray, k: int, first: int = 0) -> list[int]:
    """Greedy k-center; float64 makes ties of float32 grid points exact."""
    points = np.asarray(points, np.float32).astype(np.float64)
    nearest = np.full(len(points), np.inf)
    chosen: list[int] = []
    while len(chosen) < k:
        chosen.append(int(nearest.argmax()) if chosen else first)
        squared = np.square(points - points[chosen[-1]]).sum(axis=1)
        nearest = np.minimum(nearest, squared)
        nearest[chosen] = -1
    return chosen


def distances(points: np.ndarray) -> np.ndarray:
    """All distances [N, N] in float64."""
    points = np.asarray(points, np.float64)
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def radius(points: np.ndarray, indices: np.ndarray) -> float:
    """The covering radius in float64."""
    return float(distances(points)[:, np.asarray(indices)].min(axis=1).max())


def least_radius(points: np.ndarray, k: int) -> float:
    """The least covering radius of any k of the points."""
    every = itertools.combinations(range(len(points)), k)
    return min(radius(points, np.array(indices)) for indices in every)
