"""The table of a data set's records, and the interface of sources of images.

Records are random access: record n is row n of the table. Batches, embeddings and
selections deal in record numbers; pixels are decoded only at the end.
"""

import dataclasses
import functools
import hashlib
import io
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tf_smallgan import files

Progress = Callable[[int, int], None]
"""Called with (done, total) as work proceeds."""

Reader = Callable[[tf.Tensor], tf.Tensor]
"""Record number [] int64 -> encoded image [] string, in graph, no Python."""

UNLABELLED = -1
MEMORY_LIMIT_BYTES = 512 * 2**20
PARALLEL_CALLS = os.cpu_count() or 1


def input_options() -> tf.data.Options:
    """Options of input pipelines: deterministic, no more threads than cores."""
    options = tf.data.Options()
    options.deterministic = True
    options.threading.private_threadpool_size = PARALLEL_CALLS
    return options


def no_progress(done: int, total: int) -> None:
    """Ignores progress."""


@dataclasses.dataclass(frozen=True, eq=False)
class RecordTable:
    """What is known about N records without decoding any.

    Attributes:
      source: data set and split.
      storage: hash of names, sizes and times of the files; if it changes, the data
        set must be scanned again.
      labels: [N] int32, -1 where unlabelled.
      digests: [N] int64, hash of the encoded image. This is a record's identity: it
        survives shuffling, resharding and renumbering of files, after which a name
        such as TFDS's `file__index` means another image.
      channels: [N] int8, as stored: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
      file_names: the F files that contain the records.
      file_sizes: [F] int64, bytes.
      file_numbers: [N] int32, indices into file_names.
      rows: [N] int32, number within the file; -1 if a file is one record.
      offsets: [N] int64, first byte of the record's payload.
      lengths: [N] int64, bytes of the payload.
    """

    source: str
    storage: str
    labels: np.ndarray
    digests: np.ndarray
    channels: np.ndarray
    file_names: tuple[str, ...]
    file_sizes: np.ndarray
    file_numbers: np.ndarray
    rows: np.ndarray
    offsets: np.ndarray
    lengths: np.ndarray

    @property
    def num_images(self) -> int:
        """N."""
        return len(self.labels)

    @functools.cached_property
    def identity_hash(self) -> str:
        """Hash of all images and their labels, independent of their order."""
        order = self._identity_order()
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self.digests[order].astype("<i8").tobytes())
        digest.update(self.labels[order].astype("<i4").tobytes())
        return digest.hexdigest()

    def _identity_order(self) -> np.ndarray:
        """Record numbers [N] in an order that depends only on images and labels."""
        return np.lexsort((self.labels, self.digests))

    def identity_ranks(self) -> np.ndarray:
        """[N] int64: each record's rank in an order of images and labels.

        Ranks survive renumbering, except among identical images.
        """
        ranks = np.empty(self.num_images, np.int64)
        ranks[self._identity_order()] = np.arange(self.num_images)
        return ranks

    def records_of(self, digests: np.ndarray) -> np.ndarray | None:
        """Record numbers [P] of images with digests [P]; None if one is missing."""
        order = np.argsort(self.digests, kind="stable")
        places = np.searchsorted(self.digests, digests, sorter=order)
        records = order[np.minimum(places, self.num_images - 1)]
        return records if (self.digests[records] == digests).all() else None

    def name_of(self, record: int) -> str:
        """TFDS's id `file__index` of a record, or its path."""
        name, row = self.file_names[self.file_numbers[record]], self.rows[record]
        return name if row < 0 else f"{name}__{row}"

    def save(self, path: str) -> None:
        """Writes the table as .npz."""
        buffer = io.BytesIO()
        # Without `allow_pickle=`, which NumPy before 2.2 takes for an array.
        np.savez(buffer, **_to_arrays(self))  # type: ignore[arg-type]
        files.write_bytes(path, buffer.getvalue())

    @classmethod
    def load(cls, path: str) -> "RecordTable":
        """Reads a file that `save` wrote."""
        with np.load(io.BytesIO(files.read_bytes(path)), allow_pickle=False) as loaded:
            return cls(**{name: _from_array(name, loaded[name]) for name in loaded})


_TEXTS = ("source", "storage")


def _to_arrays(table: RecordTable) -> dict[str, np.ndarray]:
    """File names become one string: a padded array of a million paths is large."""
    arrays = {field.name: getattr(table, field.name) for field in _fields()}
    for name in _TEXTS:
        arrays[name] = np.frombuffer(arrays[name].encode(), np.uint8)
    names = "\0".join(table.file_names).encode("utf-8", "surrogateescape")
    return {**arrays, "file_names": np.frombuffer(names, np.uint8)}


def _from_array(name: str, array: np.ndarray) -> Any:
    if name in _TEXTS:
        return array.tobytes().decode()
    if name == "file_names":
        text = array.tobytes().decode("utf-8", "surrogateescape")
        return tuple(text.split("\0"))
    return array


def _fields() -> tuple[dataclasses.Field, ...]:
    return dataclasses.fields(RecordTable)


class ImageSource(Protocol):
    """A split of a data set, opened but not scanned.

    Attributes:
      name: the value of --dataset.
      split: the value of --split.
      default_flip: default of --random_flip.
      notice: a message of `scan` to the user; "" for none.
    """

    name: str
    split: str
    default_flip: bool
    notice: str

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """K names, or None if images have no labels."""

    @property
    def num_classes(self) -> int | None:
        """K, or None if images have no labels."""

    def storage(self) -> str:
        """Hash of names, sizes and times of the files; much cheaper than a scan."""

    def scan(self, progress: Progress = no_progress) -> RecordTable:
        """Reads all records once, without decoding pixels."""

    def reader(self, table: RecordTable) -> Reader:
        """A function that reads one record in `Dataset.map`."""


def memory_reader(encoded: Sequence[bytes] | tf.Tensor) -> Reader:
    """A reader of encoded images [N] in memory."""
    with tf.device("CPU:0"):
        held = tf.convert_to_tensor(encoded, tf.string)

    def read(record: tf.Tensor) -> tf.Tensor:
        return tf.gather(held, record)

    return read
