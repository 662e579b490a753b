"""scikit-learn's 1,797 handwritten digits, which come with the package."""

import numpy as np
import tensorflow as tf
from sklearn import datasets

from tf_smallgan.data import images
from tf_smallgan.data.records import (
    Progress,
    Reader,
    RecordTable,
    memory_reader,
    no_progress,
)
from tf_smallgan.errors import InputError

_LEVELS = 16  # pixels are 0..16


class DigitsSource:
    """The embedded digits: 8 x 8 grey, 10 classes."""

    name = "digits"
    class_names = tuple("0123456789")
    num_classes = 10
    default_flip = False
    notice = ""

    def __init__(self, split: str = "train"):
        """Opens the only split there is.

        Raises:
          InputError: another split is asked for.
        """
        if split != "train":
            raise InputError(
                f"--split={split}: digits has only the split 'train'; "
                "give --split=train."
            )
        self.split = split

    def storage(self) -> str:
        """There are no files that could change."""
        return "scikit-learn"

    def scan(self, report: Progress = no_progress) -> RecordTable:
        """The table of all digits."""
        pixels, labels = _load()
        encoded = _encode(pixels)
        count = len(labels)
        report(count, count)
        return RecordTable(
            source=f"{self.name} {self.split}",
            storage=self.storage(),
            labels=labels.astype(np.int32),
            # Of the pixels: PNG's bytes depend on the compressor's version.
            digests=images.digest(tf.constant([x.tobytes() for x in pixels])).numpy(),
            channels=np.ones(count, np.int8),
            file_names=("digits",),
            file_sizes=np.zeros(1, np.int64),
            file_numbers=np.zeros(count, np.int32),
            rows=np.arange(count, dtype=np.int32),
            offsets=np.zeros(count, np.int64),
            lengths=np.array([len(x) for x in encoded], np.int64),
        )

    def reader(self, table: RecordTable) -> Reader:
        """Reads from memory."""
        return memory_reader(_encode(_load()[0]))


def _load() -> tuple[np.ndarray, np.ndarray]:
    """Pixels [N, 8, 8, 1] uint8 and labels [N]."""
    loaded = datasets.load_digits()
    pixels = np.rint(loaded.images * (255 / _LEVELS)).astype(np.uint8)
    return pixels[..., None], loaded.target


def _encode(pixels: np.ndarray) -> list[bytes]:
    return [tf.io.encode_png(image).numpy() for image in pixels]
