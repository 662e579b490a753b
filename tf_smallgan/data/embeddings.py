"""The cache of embeddings: every training image, embedded once and projected."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan import files
from tf_smallgan.data.images import decoded_images, refuse_unreadable
from tf_smallgan.data.records import Progress, Reader, RecordTable, no_progress
from tf_smallgan.errors import InputError

_ROWS = 64


def projection(features: int, dimensions: int, seed: int) -> np.ndarray:
    """Gaussian [F, E] / sqrt(E), which keeps squared distances on average.

    Johnson and Lindenstrauss, 1984. RandomState, because NumPy promises that
    its stream never changes.
    """
    gaussian = np.random.RandomState(seed).standard_normal((features, dimensions))
    return (gaussian / np.sqrt(dimensions)).astype(np.float32)


def project(features: np.ndarray, dimensions: int, seed: int) -> np.ndarray:
    """[B, F] to [B, E]; unchanged where F <= E.

    In products of 64 rows, filled up: how a product is rounded depends on its shape,
    and nobody's features may depend on how many others come with them.
    """
    features = np.asarray(features, np.float32)
    count, size = features.shape
    if size <= dimensions:
        return features
    matrix = projection(size, dimensions, seed)
    filled = np.zeros((-(-count // _ROWS), _ROWS, size), np.float32)
    filled.reshape(-1, size)[:count] = features
    return np.concatenate([block @ matrix for block in filled])[:count]


FORMAT = 1
DEFAULT_SHARD_SIZE = 4_096
_FINGERPRINT, _DIGESTS = "fingerprint.json", "digests.npy"
_SHARD_SIZE = "shard_size"  # beside the fingerprint, not compared
_SEED = "projection_seed"

Embed = Callable[[np.ndarray], Any]
"""Unflipped images [B, H, W, C] uint8 -> features [B, F] float32."""


@dataclasses.dataclass(frozen=True)
class CacheSpec:
    """What embeddings depend on besides the images.

    Attributes:
      dataset: as in `--dataset`.
      split: as in `--split`.
      resolution: H and W in pixels.
      channels: C, 1 or 3.
      embedder: the embedder's own fingerprint, of JSON values.
      embedding_dim: E; where features have no more than E dimensions they are
        kept as they are.
      projection_seed: seed of the random projection.
    """

    dataset: str
    split: str
    resolution: int
    channels: int
    embedder: dict[str, Any]
    embedding_dim: int
    projection_seed: int

    def fingerprint(self, table: RecordTable) -> dict[str, Any]:
        """All that must agree for a cache to be used, flat."""
        own = dataclasses.asdict(self)
        embedder = own.pop("embedder")
        return {
            "format": FORMAT,
            "num_images": table.num_images,
            "identity_hash": table.identity_hash,
            **own,
            **{f"embedder.{key}": value for key, value in embedder.items()},
        }


@dataclasses.dataclass(frozen=True)
class CacheBuild:
    """One process's part in building a cache.

    Attributes:
      folder: the cache's folder.
      read: the source's reader.
      table: N records.
      spec: what is embedded and how.
      embed: images [B, H, W, C] uint8 -> [B, F]; always gets whole batches.
      batch_size: B.
      shard_size: images a file, and the most work that a killed build loses.
      report: called after each batch with (images done, those of this process).
    """

    folder: str
    read: Reader
    table: RecordTable
    spec: CacheSpec
    embed: Embed
    batch_size: int = 64
    shard_size: int = DEFAULT_SHARD_SIZE
    report: Progress = no_progress

    def run(self, worker: int = 0, workers: int = 1) -> None:
        """Embeds this worker's shards, leaving out those that exist.

        Workers that share the folder take every `workers`-th shard each.

        Raises:
          InputError: the folder holds another cache, an image is unreadable, or
            features are not finite.
        """
        digests, shard_size = self._open()
        records = _records_of(digests, self.table)
        shards, done = _num_shards(len(records), shard_size), 0
        own = [
            records[shard * shard_size : (shard + 1) * shard_size]
            for shard in range(worker, shards, workers)
        ]
        total = sum(len(part) for part in own)
        for shard, part in zip(range(worker, shards, workers), own):
            path = _shard_path(self.folder, shard, shards)
            if not tf.io.gfile.exists(path):
                files.write_array(path, self._embed_records(part, done, total))
            done += len(part)
            self.report(done, total)

    def begin(self) -> int:
        """Begins the cache or checks the one there; when it was begun, in ns.

        Raises:
          InputError: the folder holds another cache.
        """
        self._open()
        return tf.io.gfile.stat(f"{self.folder}/{_FINGERPRINT}").mtime_nsec

    def _open(self) -> tuple[np.ndarray, int]:
        """Begins the cache or checks the one there: its digests, its shard size."""
        fingerprint = self.spec.fingerprint(self.table)
        path = f"{self.folder}/{_FINGERPRINT}"
        if not tf.io.gfile.exists(path):
            files.write_array(f"{self.folder}/{_DIGESTS}", self.table.digests)
            files.write_json(path, {_SHARD_SIZE: self.shard_size, **fingerprint})
        return _read_header(self.folder, fingerprint)

    def _embed_records(self, records: np.ndarray, done: int, total: int) -> np.ndarray:
        """[M] record numbers to [M, E]; `done` of `total` are embedded already."""
        dataset = decoded_images(
            self.read,
            self.table,
            self.spec.resolution,
            self.spec.channels,
            records,
        ).batch(self.batch_size)
        parts, count = [], 0
        try:
            for pixels, _ in dataset.as_numpy_iterator():
                parts.append(self._embed_batch(pixels))
                count += len(pixels)
                self.report(done + count, total)
        except tf.errors.OpError:
            # Decoded ahead of the embedder: the culprit lies just behind `count`.
            ahead = records[count : count + 4 * self.batch_size]
            refuse_unreadable(self.read, self.table, ahead, self.spec.channels)
            raise
        rows = np.concatenate(parts)
        _refuse_not_finite(rows, self.table, records)
        return rows

    def _embed_batch(self, pixels: np.ndarray) -> np.ndarray:
        """A last, smaller batch is filled up, so that no other shape is traced."""
        missing = self.batch_size - len(pixels)
        full = np.concatenate([pixels, np.repeat(pixels[-1:], missing, axis=0)])
        features = np.asarray(self.embed(full), np.float32)[: len(pixels)]
        return project(features, self.spec.embedding_dim, self.spec.projection_seed)


def load_cache(folder: str, table: RecordTable, spec: CacheSpec) -> np.ndarray:
    """Reads a finished cache.

    Returns:
      [N, E] float32 in the table's order.

    Raises:
      InputError: no finished cache is there, or it was made from something else.
    """
    if not tf.io.gfile.exists(f"{folder}/{_FINGERPRINT}"):
        raise InputError(_remedy(folder, "There is no embedding cache"))
    digests, shard_size = _read_header(folder, spec.fingerprint(table))
    shards = _num_shards(len(digests), shard_size)
    paths = [_shard_path(folder, shard, shards) for shard in range(shards)]
    if not all(tf.io.gfile.exists(path) for path in paths):
        raise InputError(_remedy(folder, "The embedding cache is not finished"))
    rows = np.concatenate([files.read_array(path) for path in paths])
    return _join(rows, digests, table)


def is_complete(folder: str, table: RecordTable, spec: CacheSpec) -> bool:
    """Whether `folder` holds a finished cache for `spec`.

    Raises:
      InputError: it holds one made from something else.
    """
    if not tf.io.gfile.exists(f"{folder}/{_FINGERPRINT}"):
        return False
    digests, shard_size = _read_header(folder, spec.fingerprint(table))
    shards = _num_shards(len(digests), shard_size)
    return len(tf.io.gfile.glob(_shard_path(folder, "*", shards))) == shards


def _remedy(folder: str, problem: str) -> str:
    return (
        f"{problem} in {folder}. Run python -m tf_smallgan.prepare with the same "
        "flags, or name the right folder with --cache_dir=."
    )


def _read_header(folder: str, wanted: dict[str, Any]) -> tuple[np.ndarray, int]:
    """Digests [N] and shard size of a cache that fits `wanted`."""
    found = files.read_json(f"{folder}/{_FINGERPRINT}")
    shard_size = found.pop(_SHARD_SIZE)
    differing = [
        key
        for key in sorted(found.keys() | wanted.keys())
        if _show(found, key) != _show(wanted, key)
    ]
    if differing:
        lines = (
            f"  {key}: the cache has {_show(found, key)}, this run has "
            + _show(wanted, key)
            for key in differing
        )
        raise InputError(
            f"The embedding cache in {folder} was made from other data or settings:\n"
            + "\n".join(lines)
            + f"\n{_way_out(folder, found, differing)}"
        )
    return files.read_array(f"{folder}/{_DIGESTS}"), shard_size


def _way_out(folder: str, found: dict[str, Any], differing: list[str]) -> str:
    """What to do about a cache of something else."""
    follow = {_SEED}
    if found.get("embedder.name") == "classifier":
        follow.add("embedder.weights")
    if _SEED in differing and set(differing) <= follow:
        return (
            f"It was made with another seed: --cache_seed={found[_SEED]} shares it, "
            "another --cache_dir= makes one of its own."
        )
    return (
        "Give another folder with --cache_dir=, or remove "
        f"{folder}/{_FINGERPRINT} and {folder}/embeddings-*.npy to make it again."
    )


def _show(fingerprint: dict[str, Any], key: str) -> str:
    return json.dumps(fingerprint[key]) if key in fingerprint else "nothing"


def _num_shards(num_images: int, shard_size: int) -> int:
    return -(-num_images // shard_size)


def _shard_path(folder: str, shard: int | str, shards: int) -> str:
    number = shard if isinstance(shard, str) else f"{shard:05d}"
    return f"{folder}/embeddings-{number}-of-{shards:05d}.npy"


def _records_of(digests: np.ndarray, table: RecordTable) -> np.ndarray:
    """For each digest the number of a record with it, [N] int64."""
    order = np.argsort(table.digests, kind="stable")
    return order[np.searchsorted(table.digests[order], digests)]


def _join(rows: np.ndarray, digests: np.ndarray, table: RecordTable) -> np.ndarray:
    """Puts the cache's rows into the table's order; one digest, one embedding."""
    if np.array_equal(digests, table.digests):
        return rows
    order = np.argsort(digests, kind="stable")
    return rows[order[np.searchsorted(digests[order], table.digests)]]


def _refuse_not_finite(
    rows: np.ndarray, table: RecordTable, records: np.ndarray
) -> None:
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise InputError(
            f"The embedder gave NaN or infinite features for {len(bad):,} images, the "
            f"first of them {table.name_of(int(records[bad[0]]))}. Check its weights."
        )
