"""The table of a data set's records, and what every source of images offers.

Records are random access: record n is row n of the table. Whatever is drawn,
embedded or chosen is a record number; pixels are decoded only at the end.
"""

import dataclasses
import functools
import hashlib
import io
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tf_smallgan import files

Report = Callable[[int, int], None]
"""Progress, called with (done, total); total is 0 while it is not known."""

Reader = Callable[[tf.Tensor], tf.Tensor]
"""Record number [] int64 -> encoded image [] string, in graph, no Python."""

UNLABELLED = -1


def no_report(done: int, total: int) -> None:
    """Reports nothing."""


@dataclasses.dataclass(frozen=True, eq=False)
class RecordTable:
    """What is known of N records without decoding one.

    Attributes:
      source: data set and split.
      storage: hash of how the files looked; another one means: scan again.
      labels: [N] int32, -1 where unlabelled.
      digests: [N] int64, hash of the encoded image. This is a record's
        identity: it stays when files are shuffled, resharded or renumbered,
        whereas a name such as TFDS's `file__index` then means another image.
      channels: [N] int8, as stored: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
      file_names: the F files that hold the records.
      file_sizes: [F] int64, bytes.
      file_numbers: [N] int32, into file_names.
      rows: [N] int32, number within the file; -1 where a file is one record.
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
        """Hash of all images and their labels, whatever their order."""
        order = self._identity_order()
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self.digests[order].astype("<i8").tobytes())
        digest.update(self.labels[order].astype("<i4").tobytes())
        return digest.hexdigest()

    def _identity_order(self) -> np.ndarray:
        """Record numbers [N] in an order that follows from images and labels alone."""
        return np.lexsort((self.labels, self.digests))

    def identity_ranks(self) -> np.ndarray:
        """[N] int64: each record's place in an order of its image and label alone.

        It stays when records are renumbered, but for images that are there twice.
        """
        ranks = np.empty(self.num_images, np.int64)
        ranks[self._identity_order()] = np.arange(self.num_images)
        return ranks

    def records_of(self, digests: np.ndarray) -> np.ndarray | None:
        """Record numbers [P] of images by digests [P]; None if one is missing."""
        order = np.argsort(self.digests, kind="stable")
        places = np.searchsorted(self.digests, digests, sorter=order)
        records = order[np.minimum(places, self.num_images - 1)]
        return records if (self.digests[records] == digests).all() else None

    def name_of(self, record: int) -> str:
        """Where a record lies: TFDS's id `file__index`, or a path."""
        name, row = self.file_names[self.file_numbers[record]], self.rows[record]
        return name if row < 0 else f"{name}__{row}"

    def save(self, path: str) -> None:
        """Writes the table as .npz."""
        buffer = io.BytesIO()
        # Not `allow_pickle=`, which NumPy before 2.2 takes for one more array.
        np.savez(buffer, **_to_arrays(self))  # type: ignore[arg-type]
        files.write_bytes(path, buffer.getvalue())

    @classmethod
    def load(cls, path: str) -> "RecordTable":
        """Reads what `save` wrote."""
        with np.load(io.BytesIO(files.read_bytes(path)), allow_pickle=False) as loaded:
            return cls(**{name: _from_array(name, loaded[name]) for name in loaded})


_TEXTS = ("source", "storage")


def _to_arrays(table: RecordTable) -> dict[str, np.ndarray]:
    """File names become one blob: a padded array of a million paths is large."""
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
    """A data set's split, opened but not yet gone over.

    Attributes:
      name: as in `--dataset`.
      split: as in `--split`.
      default_flip: `--random_flip` when it is not given.
      notice: what `scan` found that a user should know; "" for nothing.
    """

    name: str
    split: str
    default_flip: bool
    notice: str

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """K names, or None where images carry no labels."""

    @property
    def num_classes(self) -> int | None:
        """K, or None where images carry no labels."""

    def storage(self) -> str:
        """Hash of how the files look, cheap next to a scan."""

    def scan(self, report: Report = no_report) -> RecordTable:
        """Goes over all records once without decoding pixels."""

    def reader(self, table: RecordTable) -> Reader:
        """A function that reads one record, to be used in `Dataset.map`."""


# Encoded images held in memory.


MEMORY_LIMIT_BYTES = 512 * 2**20


def memory_reader(encoded: Sequence[bytes] | tf.Tensor) -> Reader:
    """Reads record n as element n of `encoded` [N] string."""
    with tf.device("CPU:0"):
        held = tf.convert_to_tensor(encoded, tf.string)

    def read(record: tf.Tensor) -> tf.Tensor:
        return tf.gather(held, record)

    return read
