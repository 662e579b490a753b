"""Frechet distance between two sets of features (Heusel et al. 2017).

`Moments` computes count, mean and covariance of a stream of vectors in one pass, in
float64.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.training.gan_library import tfgan

_JOIN_AT = 1024


class Gaussian(NamedTuple):
    """A normal distribution: mean [D] and covariance [D, D], float64."""

    mean: np.ndarray
    covariance: np.ndarray


@dataclasses.dataclass
class Moments:
    """An accumulator; memory does not depend on how many vectors it has seen.

    Parts are joined by the pairwise update, which subtracts no large numbers from
    one another: with n = n_a + n_b and delta = mean_b - mean_a,

        mean    = mean_a + delta * n_b / n
        scatter = scatter_a + scatter_b + delta delta' * n_a n_b / n

    A few appended parts wait until they are many vectors together, since each update
    goes over all of [D, D].

    Attributes:
      count: vectors seen.
    """

    count: int
    _joined: int
    _mean: np.ndarray
    _scatter: np.ndarray
    _waiting: list[np.ndarray] = dataclasses.field(default_factory=list)

    @classmethod
    def empty(cls, dim: int) -> "Moments":
        """Has seen nothing."""
        return cls(0, 0, np.zeros(dim), np.zeros((dim, dim)))

    @classmethod
    def of(cls, points: np.ndarray) -> "Moments":
        """Of points [N, D] at once."""
        points = np.asarray(points, np.float64)
        mean = points.mean(0)
        centered = points - mean
        return cls(len(points), len(points), mean, centered.T @ centered)

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "Moments":
        """What `arrays` gave; goes on to the last bit as that one would have."""
        joined, waiting = int(arrays["joined"]), arrays["waiting"]
        return cls(
            joined + len(waiting),
            joined,
            arrays["mean"],
            arrays["scatter"],
            [waiting] if len(waiting) else [],
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """All that this is, by name, for a file."""
        waiting = (
            np.concatenate(self._waiting) if self._waiting else np.empty((0, self.dim))
        )
        return {
            "joined": np.array(self._joined),
            "mean": self._mean,
            "scatter": self._scatter,
            "waiting": waiting,
        }

    @property
    def dim(self) -> int:
        """D."""
        return len(self._mean)

    def append(self, points: np.ndarray) -> None:
        """Adds points [N, D].

        Raises:
          InputError: they hold NaN or infinity, or are of another dimension.
        """
        if points.ndim != 2 or points.shape[1] != self.dim:
            raise InputError(
                f"Features have shape {list(points.shape)}; expected [N, {self.dim}]."
            )
        if not np.isfinite(points).all():
            raise InputError(
                "Features have NaN or infinite values: the generator or the feature "
                "network diverged. Score an earlier checkpoint."
            )
        if len(points):
            self._waiting.append(points)
        self.count += len(points)
        if self.count - self._joined >= _JOIN_AT:
            self._join_waiting()

    def _join_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._join(Moments.of(np.concatenate(waiting)))

    def _join(self, other: "Moments") -> None:
        if not other._joined:
            return
        count = self._joined + other._joined
        delta = other._mean - self._mean
        share = other._joined / count
        self._scatter += other._scatter
        self._scatter += np.outer(delta, delta) * (self._joined * share)
        self._mean = self._mean + delta * share
        self._joined = count

    def gaussian(self) -> Gaussian:
        """Mean and covariance, the latter over count - 1.

        Raises:
          InputError: fewer than two vectors were seen.
        """
        if self.count < 2:
            raise InputError(
                f"A covariance needs at least 2 vectors; there are {self.count}."
            )
        self._join_waiting()
        return Gaussian(self._mean, self._scatter / (self.count - 1))


LEAST_CLASS_POINTS = 20
_WORKING_TRACE = 1e3


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Squared Frechet distance of two normal distributions.

    Args:
      first, second: of features of D dimensions; the covariances may be singular,
        as they are where there were no more samples than dimensions.

    Raises:
      InputError: dimensions differ.
    """
    if len(first.mean) != len(second.mean):
        raise InputError(
            f"Features of {len(first.mean)} and {len(second.mean)} dimensions cannot "
            "be compared; both must come from the same network."
        )
    covariances = first.covariance, second.covariance
    trace = sum(float(np.trace(c)) for c in covariances)
    means = float(np.square(first.mean - second.mean).sum())
    # Rounding may leave a hair below zero where the two are equal.
    return max(means + trace - 2 * trace_sqrt_product(*covariances), 0.0)


def trace_sqrt_product(first: np.ndarray, second: np.ndarray) -> float:
    """Tr((first second)^(1/2)) of symmetric [D, D] without negative eigenvalues."""
    size = np.sqrt(np.trace(first)) * np.sqrt(np.trace(second))
    if size == 0:
        return 0.0
    if not _has_full_range(second):
        basis = _range_of(second)
        first, second = basis.T @ first @ basis, basis.T @ second @ basis
    scale = _WORKING_TRACE / size
    root = tfgan.eval.classifier_metrics.trace_sqrt_product(
        tf.constant(first * scale), tf.constant(second * scale)
    )
    return float(root) / scale


def _has_full_range(matrix: np.ndarray) -> bool:
    """Whether no eigenvalue is zero up to rounding; by Cholesky, since it is quick."""
    least = np.linalg.norm(matrix) * len(matrix) * np.finfo(np.float64).eps
    shifted = matrix.copy()
    np.einsum("ii->i", shifted)[:] -= least
    try:
        np.linalg.cholesky(shifted)
    except np.linalg.LinAlgError:
        return False
    return True


def _range_of(matrix: np.ndarray) -> np.ndarray:
    """[D, R] orthonormal columns that span the range of symmetric [D, D]."""
    values, vectors = np.linalg.eigh(matrix)
    least = values[-1] * len(values) * np.finfo(np.float64).eps
    return vectors[:, values > least]


def frechet_distance_of_points(first: np.ndarray, second: np.ndarray) -> float:
    """The same distance from few points [N, D], [M, D]: cost follows N and M, not D.

    With centred points X, Y the covariances are X'X / (N - 1) and Y'Y / (M - 1), and
    the root's trace is the sum of the singular values of X Y', over
    ((N - 1)(M - 1))^(1/2).
    """
    if min(len(first), len(second)) < 2:
        raise InputError(
            f"A Frechet distance needs at least 2 points a side; there are "
            f"{len(first)} and {len(second)}."
        )
    if max(len(first), len(second)) > first.shape[1]:
        return frechet_distance(
            Moments.of(first).gaussian(), Moments.of(second).gaussian()
        )
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    means = np.square(x.mean(0) - y.mean(0)).sum()
    x = (x - x.mean(0)) / np.sqrt(len(x) - 1)
    y = (y - y.mean(0)) / np.sqrt(len(y) - 1)
    products = x @ y.T
    # Singular values by the smaller Gram matrix: several times quicker than an SVD.
    gram = products @ products.T if len(x) < len(y) else products.T @ products
    root = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0)).sum()
    return max(float(means + np.square(x).sum() + np.square(y).sum() - 2 * root), 0.0)


def class_frechet_distances(
    first: np.ndarray,
    first_labels: np.ndarray,
    second: np.ndarray,
    second_labels: np.ndarray,
    least: int = LEAST_CLASS_POINTS,
) -> dict[int, float]:
    """Frechet distance within each class that has enough points on both sides.

    Args:
      first, second: features [N, D] and [M, D].
      first_labels, second_labels: [N] and [M].
      least: points a class must have on each side; with few points a distance
        says how many there were more than how alike they are.

    Returns:
      Distance by class.
    """
    distances = {}
    for label in np.intersect1d(first_labels, second_labels):
        x, y = first[first_labels == label], second[second_labels == label]
        if min(len(x), len(y)) >= least:
            distances[int(label)] = frechet_distance_of_points(x, y)
    return distances
