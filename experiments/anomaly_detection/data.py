"""One class left out: data to train on without it, and to find it in."""

import dataclasses
import functools
import tempfile

import numpy as np

from tf_smallgan.config import Config
from tf_smallgan.config.flags import DataFlags
from tf_smallgan.data.dataset import load_table, open_source, pixel_features
from tf_smallgan.data.embeddings import project
from tf_smallgan.data.images import decoded_images
from tf_smallgan.errors import InputError

# Data sets of one split: every fifth image of each class is for testing.
UNDIVIDED = ("digits",)
_FIFTH = 5
_BATCH = 256


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledImages:
    """All images of a split: pixels [N, H, W, C] uint8 and labels [N]."""

    pixels: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class OneClassOut:
    """Data of an anomaly.

    Attributes:
      train: [N, P] uint8, flat images without the anomaly's class.
      train_labels: [N], their classes, to check by.
      embeddings: [N, E] float32 of `train`, that core-sets are chosen on.
      test: [M, P] uint8, flat images of all classes.
      is_anomaly: [M] bool.
      published_share: anomalies over all images of a test set made as in the code
        published by Kumar et al. 2019: all images of the anomaly, from training and
        test images alike, and a fifth of all others.
    """

    train: np.ndarray
    train_labels: np.ndarray
    embeddings: np.ndarray
    test: np.ndarray
    is_anomaly: np.ndarray
    published_share: float

    @property
    def share(self) -> float:
        """Anomalies over all images of `test`."""
        return float(self.is_anomaly.mean())


def load(config: Config, anomaly: int) -> OneClassOut:
    """Reads a data set, once a process, and leaves a class out.

    Args:
      config: the data set, the dimensions of embeddings and the seed of their random
        projection; its data section is completed.
      anomaly: the class's number.

    Raises:
      InputError: there is no such class, or the data set cannot be read.
    """
    train, test = both_splits(config.data)
    if not (train.labels == anomaly).any():
        raise InputError(
            f"--anomalies has {anomaly}, which is no class of "
            f"--dataset={config.data.dataset}; its classes are 0 to "
            f"{train.labels.max()}."
        )
    kept = train.labels != anomaly
    everything = np.concatenate([train.labels, test.labels])
    count = int((everything == anomaly).sum())
    return OneClassOut(
        train=_flat(train.pixels[kept]),
        train_labels=train.labels[kept],
        embeddings=_embed(
            train.pixels[kept], config.coreset.embedding_dim, config.run.seed
        ),
        test=_flat(test.pixels),
        is_anomaly=test.labels == anomaly,
        published_share=count / (count + (len(everything) - count) / _FIFTH),
    )


@functools.cache
def both_splits(data: DataFlags) -> tuple[LabelledImages, LabelledImages]:
    """Training images and test images.

    Raises:
      InputError: as `open_source`.
    """
    train = _read(data)
    if data.dataset not in UNDIVIDED:
        return train, _read(dataclasses.replace(data, split="test"))
    number = np.zeros(len(train.labels), int)
    for label in np.unique(train.labels):
        own = train.labels == label
        number[own] = np.arange(own.sum())
    tested = number % _FIFTH == _FIFTH - 1
    return (
        LabelledImages(train.pixels[~tested], train.labels[~tested]),
        LabelledImages(train.pixels[tested], train.labels[tested]),
    )


def _read(data: DataFlags) -> LabelledImages:
    source = open_source(data)
    with tempfile.TemporaryDirectory() as folder:
        table = load_table(source, folder)
    assert data.image_channels is not None
    batches = decoded_images(
        source.reader(table), table, data.resolution, data.image_channels
    ).batch(_BATCH)
    parts = [images.numpy() for images, _ in batches]
    return LabelledImages(np.concatenate(parts), np.asarray(table.labels))


def _flat(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(len(pixels), -1)


def _embed(pixels: np.ndarray, dimensions: int, seed: int) -> np.ndarray:
    """The `pixels` embedder's features, projected at random: [N, E]."""
    features = [
        pixel_features(pixels[start : start + _BATCH]).numpy()
        for start in range(0, len(pixels), _BATCH)
    ]
    return project(np.concatenate(features), dimensions, seed)
