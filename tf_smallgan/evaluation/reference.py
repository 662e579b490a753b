"""Features of the real images: computed once and cached, or imported.

While they are computed, the features so far are kept in a file, so that an interrupted
computation resumes to the same bits.
"""

import dataclasses
import hashlib
import json
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan.data.dataset import TrainingData
from tf_smallgan.data.images import naming_unreadable, refuse_unreadable
from tf_smallgan.distribution.cluster import Cluster
from tf_smallgan.distribution.strategy import whole_float32
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.features import (
    CHUNK_IMAGES,
    MOST_POINTS,
    Collector,
    FeatureSpace,
)
from tf_smallgan.evaluation.frechet import Gaussian, Moments
from tf_smallgan.files import UNREADABLE, read_arrays, write_arrays

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


_SUBSET_SEED = 0
_FORMAT = 1
Report = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Reference:
    """Real images as a feature space sees them.

    Attributes:
      gaussian: mean and covariance over all of them.
      count: how many; None where an imported file does not say.
      features: [P, D] float32 of P of them, P at most 10,000, in random order;
        None where imported.
      labels: [P] int32.
      digests: [P] int64, what `data.records.RecordTable` knows them by.
      facts: data set, split, network and so on.
      path: the file that holds this.
    """

    gaussian: Gaussian
    count: int | None
    features: np.ndarray | None
    labels: np.ndarray | None
    digests: np.ndarray | None
    facts: dict[str, Any]
    path: str


def reference_facts(
    data: TrainingData, space: FeatureSpace, images: int
) -> dict[str, Any]:
    """The fingerprint: two references of `images` with equal facts are equal."""
    config = data.config.data
    return {
        "format": _FORMAT,
        "dataset": config.dataset,
        "split": config.split,
        "images": images,
        "identity_hash": data.table.identity_hash,
        "resolution": config.resolution,
        "image_channels": config.image_channels,
        "points": MOST_POINTS,
        **space.facts(),
    }


@whole_float32()
def load_or_compute(
    data: TrainingData,
    space: FeatureSpace,
    strategy: tf.distribute.Strategy | None = None,
    report: Report = lambda done, total: None,
    most_images: int = 0,
) -> Reference:
    """The cached reference of a data set, streamed over first where there is none.

    Streaming that was interrupted is gone on with.

    Args:
      most_images: at most so many images, the same ones every time, uniformly drawn;
        0 for all.
    """
    records = np.random.default_rng(_SUBSET_SEED).permutation(data.table.num_images)
    records = records[: most_images or None]
    facts = reference_facts(data, space, len(records))
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    path = data.folder / f"reference-{space.name}-{digest[:12]}.npz"
    # Workers compute together, so that all must find the same.
    if not data.cluster.maximum(not path.exists()):
        try:
            return load_reference(str(path), space)
        except InputError as error:
            raise InputError(
                f"The cached reference {path} cannot be used: remove it, and it is "
                f"computed anew. ({error})"
            ) from error
    unfinished = UnfinishedFile(path.with_suffix(".unfinished.npz"), data.cluster)
    seen = unfinished.load(space.dim)

    def keep_and_report() -> None:
        unfinished.keep(seen)
        report(seen.moments.count, len(records))

    _embed(data, space, records, strategy, seen, keep_and_report)
    computed = _reference(data, records, seen, facts, str(path))
    if data.cluster.is_chief:
        _save(path, computed)
    unfinished.remove()
    return computed


def _embed(
    data: TrainingData,
    space: FeatureSpace,
    records: np.ndarray,
    strategy: tf.distribute.Strategy | None,
    seen: Seen,
    after_each: Callable[[], None],
) -> None:
    """Adds to `seen` those of `records` not in it; they are read in the data's order.

    The first 10,000 of `records` are kept as points.
    """
    ordered = np.sort(records)
    kept = np.isin(ordered, records[:MOST_POINTS])
    moments = seen.moments
    left = ordered[moments.count :]

    def refuse_unreadable_of(chunk: int) -> None:
        part = left[chunk * CHUNK_IMAGES : (chunk + 1) * CHUNK_IMAGES]
        channels = data.config.data.image_channels or 3
        refuse_unreadable(data.read, data.table, part, channels)

    def images() -> Iterator[np.ndarray]:
        batches = iter(data.images(left).batch(CHUNK_IMAGES).prefetch(2))
        for batch, _ in naming_unreadable(batches, 0, refuse_unreadable_of):
            yield batch.numpy()

    for features, *_ in Collector(space, strategy).embed(images()):
        rows = kept[moments.count : moments.count + len(features)]
        seen.points.append(features[rows])
        moments.append(features)
        after_each()


def _reference(
    data: TrainingData,
    records: np.ndarray,
    seen: Seen,
    facts: dict[str, Any],
    path: str,
) -> Reference:
    """What was seen of all `records`, whose order is random."""
    order = records[:MOST_POINTS]
    return Reference(
        gaussian=seen.moments.gaussian(),
        count=seen.moments.count,
        features=np.concatenate(seen.points)[np.searchsorted(np.sort(order), order)],
        labels=data.table.labels[order].astype(np.int32),
        digests=data.table.digests[order],
        facts=facts,
        path=path,
    )


def _save(path: pathlib.Path, reference: Reference) -> None:
    arrays = {
        "mu": reference.gaussian.mean,
        "sigma": reference.gaussian.covariance,
        "features": np.asarray(reference.features),
        "labels": np.asarray(reference.labels),
        "digests": np.asarray(reference.digests),
        "facts": np.array(json.dumps(reference.facts)),
    }
    write_arrays(path, arrays)


def load_reference(path: str, space: FeatureSpace) -> Reference:
    """Reads a file that this program or another one wrote.

    Other programs' files hold `mu` [D] and `sigma` [D, D] alone: with them only the
    Frechet distance can be computed, and nobody can check what they were made with.

    Raises:
      InputError: no such file, another feature space, or other contents.
    """
    arrays = _read(path)
    missing = {"mu", "sigma"} - set(arrays)
    if missing:
        raise InputError(
            f"--reference={path} lacks {sorted(missing)}; expected an .npz with mu "
            "[D] and sigma [D, D], or one that evaluate wrote."
        )
    mean = np.asarray(arrays["mu"], np.float64)
    covariance = np.asarray(arrays["sigma"], np.float64)
    if mean.shape != (space.dim,) or covariance.shape != (space.dim, space.dim):
        raise InputError(
            f"--reference={path} has mu {list(mean.shape)} and sigma "
            f"{list(covariance.shape)}; {space.name} features have {space.dim} "
            "dimensions. Give statistics of the same network."
        )
    facts = json.loads(str(arrays["facts"])) if "facts" in arrays else {}
    _check_space(facts, space, path)
    return Reference(
        gaussian=Gaussian(mean, covariance),
        count=facts.get("images"),
        features=arrays.get("features"),
        labels=arrays.get("labels"),
        digests=arrays.get("digests"),
        facts=facts or {"imported": path},
        path=path,
    )


def _read(path: str) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path)
    except UNREADABLE as error:
        raise InputError(
            f"--reference={path} cannot be read as .npz: {error}. Name a file with mu "
            "and sigma, or leave the flag out to compute the reference."
        ) from error


def _check_space(facts: dict[str, Any], space: FeatureSpace, path: str) -> None:
    for name, value in space.facts().items():
        if facts and facts.get(name) != value:
            raise InputError(
                f"--reference={path} was made with {name} {facts.get(name)!r} and "
                f"this run has {value!r}: the two cannot be compared. Leave the flag "
                "out to compute the reference."
            )
