"""The features of real images so far, kept in a file while the rest is embedded."""

import dataclasses
import pathlib
import time

import numpy as np

from tf_smallgan.arrays import UNREADABLE, read_arrays, write_arrays
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.moments import Moments
from tf_smallgan.training.cluster import Cluster

_EVERY_SECONDS = 60.0
_POINTS = "points"


@dataclasses.dataclass
class Seen:
    """What a reference keeps of the images seen so far.

    Attributes:
      moments: of the features of all of them.
      points: the features [n, D] of those that are kept, in parts.
    """

    moments: Moments
    points: list[np.ndarray]

    @classmethod
    def nothing(cls, dim: int) -> "Seen":
        """Of no images."""
        return cls(Moments.empty(dim), [])


@dataclasses.dataclass
class UnfinishedFile:
    """A `Seen` in a file: embedding goes on from it after a kill, to the same result.

    The chief writes; all workers read, before any goes on.

    Attributes:
      path: of the file; its name tells what is embedded.
      cluster: the workers that embed together.
    """

    path: pathlib.Path
    cluster: Cluster = Cluster()

    def __post_init__(self) -> None:
        self._kept = time.monotonic()

    def load(self, dim: int) -> Seen:
        """What was kept; of no images where there is no file.

        Raises:
          InputError: the file cannot be read.
        """
        seen = self._read() if self.path.exists() else Seen.nothing(dim)
        self.cluster.check_same(
            seen.moments.count, f"{self.path} (how many images are embedded)"
        )
        return seen

    def keep(self, seen: Seen) -> None:
        """Writes `seen` once a minute, the most work that a kill loses."""
        due = time.monotonic() - self._kept >= _EVERY_SECONDS
        if due and self.cluster.is_chief:
            self._write(seen)
            self._kept = time.monotonic()

    def remove(self) -> None:
        """To be called when the result is kept elsewhere."""
        if self.cluster.is_chief:
            self.path.unlink(missing_ok=True)

    def _write(self, seen: Seen) -> None:
        points = np.concatenate(seen.points)
        write_arrays(self.path, {_POINTS: points, **seen.moments.arrays()})

    def _read(self) -> Seen:
        try:
            arrays = read_arrays(self.path)
            points = arrays.pop(_POINTS)
            return Seen(Moments.from_arrays(arrays), [points])
        except (KeyError, *UNREADABLE) as error:
            raise InputError(
                f"{self.path}, where an embedding of the real images was interrupted, "
                f"cannot be read: {error}. Remove it to begin anew."
            ) from error
