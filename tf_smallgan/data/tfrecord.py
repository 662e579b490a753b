"""TFRecord files as random access: where each payload lies, and how to read it.

A record is its length (8 bytes) and that length's CRC (4), the payload, and the
payload's CRC (4); so the payloads' lengths alone give all offsets.
"""

import dataclasses
from collections.abc import Callable
from concurrent import futures

import numpy as np
import tensorflow as tf

from tf_smallgan.data import images
from tf_smallgan.data.records import PARALLEL_CALLS, Reader, RecordTable, input_options
from tf_smallgan.errors import InputError

Parse = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""Payload [] string -> (encoded image [] string, label [] int32), in graph."""

HEADER_BYTES, FOOTER_BYTES = 12, 4
_BATCH = 256
_PROBE_BYTES = 16
_PROBE_THREADS = 16


@dataclasses.dataclass(frozen=True)
class Part:
    """Records [skip, skip + take) of one file."""

    path: str
    name: str
    skip: int
    take: int


def look(part: Part) -> tuple[str, int, int, int, str]:
    """A file's name and size and a few bytes that differ when it was rewritten.

    The first bytes hold the first payload's length, the last ones the CRC of
    the last payload.
    """
    size = tf.io.gfile.stat(part.path).length
    with tf.io.gfile.GFile(part.path, "rb") as file:
        probes = [_read_at(file, 0), _read_at(file, size // 2)]
        probes.append(_read_at(file, max(0, size - _PROBE_BYTES)))
    return part.name, size, part.skip, part.take, b"".join(probes).hex()


def _read_at(file: tf.io.gfile.GFile, offset: int) -> bytes:
    file.seek(offset)
    return file.read(_PROBE_BYTES)


def look_at_all(parts: list[Part]) -> list[tuple[str, int, int, int, str]]:
    """`look` for each part, several at once since files may be far away."""
    with futures.ThreadPoolExecutor(_PROBE_THREADS) as pool:
        return list(pool.map(look, parts))


def scan_part(part: Part, parse: Parse, number: int) -> dict[str, np.ndarray]:
    """The table's columns for one part, without decoding pixels.

    Args:
      part: where the records are.
      parse: payload to encoded image and label.
      number: the file's number.

    Raises:
      InputError: the file is not a plain, whole TFRecord file.
    """

    def describe(payload: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded, label = parse(payload)
        return {
            "labels": tf.cast(label, tf.int32),
            "digests": images.digest(encoded),
            "channels": tf.cast(images.stored_channels(encoded), tf.int8),
            "lengths": images.num_bytes(payload),
        }

    dataset = tf.data.TFRecordDataset(part.path).take(part.skip + part.take)
    dataset = dataset.map(describe, num_parallel_calls=PARALLEL_CALLS).batch(_BATCH)
    dataset = dataset.with_options(input_options())
    try:
        batches = list(dataset.as_numpy_iterator())
    except tf.errors.DataLossError as error:
        raise InputError(
            f"{part.path} is damaged ({error.message}). Delete the data set's folder "
            "and prepare it again."
        ) from error
    except tf.errors.InvalidArgumentError as error:
        raise InputError(
            f"{part.path} has a record whose image or label cannot be read "
            f"({error.message.splitlines()[0]}). Prepare the data set again."
        ) from error
    columns = {key: np.concatenate([b[key] for b in batches]) for key in batches[0]}
    columns["offsets"] = _offsets(columns["lengths"])
    columns["rows"] = np.arange(len(columns["labels"]), dtype=np.int32)
    columns["file_numbers"] = np.full(len(columns["labels"]), number, np.int32)
    return {key: column[part.skip :] for key, column in columns.items()}


def _offsets(lengths: np.ndarray) -> np.ndarray:
    """First byte of each payload, [M] int64."""
    framed = lengths + HEADER_BYTES + FOOTER_BYTES
    return np.cumsum(framed) - framed + HEADER_BYTES


def encoded_images(parts: list[Part], parse: Parse) -> tf.Tensor:
    """All encoded images of `parts` in order, [N] string."""

    def image_only(payload: tf.Tensor) -> tf.Tensor:
        return parse(payload)[0]

    collected = []
    for part in parts:
        dataset = tf.data.TFRecordDataset(part.path).skip(part.skip).take(part.take)
        dataset = dataset.map(image_only, num_parallel_calls=PARALLEL_CALLS)
        dataset = dataset.batch(part.take).with_options(input_options())
        collected.append(dataset.get_single_element())
    return tf.concat(collected, axis=0)


def byte_range_reader(table: RecordTable, paths: list[str], parse: Parse) -> Reader:
    """Reads only the bytes of the record asked for, on any filesystem."""
    with tf.device("CPU:0"):
        files, sizes = tf.constant(paths), tf.constant(table.file_sizes)
        numbers = tf.constant(table.file_numbers)
        offsets, lengths = tf.constant(table.offsets), tf.constant(table.lengths)

    def read(record: tf.Tensor) -> tf.Tensor:
        number, length = tf.gather(numbers, record), tf.gather(lengths, record)
        offset = tf.gather(offsets, record)
        payload = tf.data.FixedLengthRecordDataset(
            tf.gather(files, number),
            record_bytes=length,
            header_bytes=offset,
            footer_bytes=tf.gather(sizes, number) - offset - length,
            buffer_size=length,
        ).get_single_element()
        return parse(payload)[0]

    return read
