"""All images of a data set in order, decoded, for embedding and evaluation."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan.data import images
from tf_smallgan.data.records import Reader, RecordTable
from tf_smallgan.errors import InputError

PARALLEL_CALLS = os.cpu_count() or 1


def input_options() -> tf.data.Options:
    """Deterministic, and no more threads than cores."""
    options = tf.data.Options()
    options.deterministic = True
    options.threading.private_threadpool_size = PARALLEL_CALLS
    return options


def images_dataset(
    read: Reader,
    table: RecordTable,
    resolution: int,
    channels: int,
    batch_size: int,
    records: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Decoded images and labels in order, once, unflipped.

    Args:
      read: the source's reader.
      table: N records.
      resolution: H and W.
      channels: C, 1 or 3.
      batch_size: B; the last batch may be smaller.
      records: [M] record numbers, all when not given.

    Returns:
      Batches of (images [B, H, W, C] uint8, labels [B] int32, -1 where
      unlabelled).
    """
    numbers = np.arange(table.num_images) if records is None else np.asarray(records)
    dataset = tf.data.Dataset.from_tensor_slices(
        (numbers.astype(np.int64), table.labels[numbers])
    )

    def load(record: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return images.decode_and_fit(read(record), resolution, channels), label

    dataset = dataset.map(load, num_parallel_calls=PARALLEL_CALLS)
    dataset = dataset.batch(batch_size).prefetch(1)
    return dataset.with_options(input_options())


def refuse_unreadable(
    read: Reader, table: RecordTable, records: np.ndarray, channels: int
) -> None:
    """Finds the image among `records` that does not decode and names it.

    Decoding fails inside the input graph, where no path is known; this goes
    over the few records of the batch that failed.

    Raises:
      InputError: an image is unreadable.
    """
    for record in records:
        try:
            images.decode(read(tf.constant(record, tf.int64)), channels)
        except (tf.errors.OpError, ValueError) as error:
            raise InputError(
                f"The image {table.name_of(int(record))} of {table.source} cannot be "
                f"read as PNG or JPEG ({_first_line(error)}). Replace or remove it."
            ) from error


def naming_unreadable(
    batches: Iterator[Any], first_step: int, check: Callable[[int], None]
) -> Iterator[Any]:
    """Batches as they come; one that cannot be read has its image named.

    Args:
      batches: of the steps from `first_step` on.
      check: (step) raises InputError if an image of that step is unreadable.
    """
    step = first_step
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except tf.errors.OpError:
            check(step)
            raise  # Every image decodes: it is something else.
        yield batch
        step += 1


def _first_line(error: Exception) -> str:
    text = error.message if isinstance(error, tf.errors.OpError) else str(error)
    return text.splitlines()[0] if text else type(error).__name__
