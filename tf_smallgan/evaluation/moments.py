"""Count, mean and covariance of a stream of vectors, in one pass, in float64."""

import dataclasses
from typing import NamedTuple

import numpy as np

from tf_smallgan.errors import InputError

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

    def merge(self, other: "Moments") -> None:
        """Adds all that `other` has seen, for instance on another replica."""
        for moments in (self, other):
            moments._join_waiting()
        self._join(other)
        self.count = self._joined

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
