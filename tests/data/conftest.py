"""Small data sets that the tests make themselves."""

import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_smallgan.data.records import RecordTable

MakeTfds = Callable[..., str]


def _pictures(count: int, seed: int = 0, channels: int = 3) -> list[np.ndarray]:
    """Images of `count` different sizes, 20 to 60 pixels a side."""
    rng = np.random.RandomState(seed)
    sizes = rng.randint(20, 60, (count, 2))
    return [rng.randint(0, 256, (h, w, channels)).astype(np.uint8) for h, w in sizes]


@pytest.fixture(scope="session")
def make_pictures() -> Callable[..., list[np.ndarray]]:
    """Returns a function that makes random images of varied sizes."""
    return _pictures


def _store(
    data_dir: pathlib.Path,
    pictures: Sequence[np.ndarray],
    labels: Sequence[int],
    *,
    name: str = "pictures",
    version: str = "1.0.0",
    num_classes: int = 10,
    num_shards: int = 1,
    features: dict[str, Any] | None = None,
    extra: dict[str, Any] | None = None,
    file_format: str | None = None,
) -> str:
    """Writes an ordinary TFDS data set; returns its data_dir."""
    spec = features or {
        "image": tfds.features.Image(shape=(None, None, None)),
        "label": tfds.features.ClassLabel(num_classes=num_classes),
    }

    def examples() -> Iterator[tuple[int, dict[str, Any]]]:
        for key, (picture, label) in enumerate(zip(pictures, labels)):
            example = {"image": picture, "label": label, **(extra or {})}
            yield key, {k: v for k, v in example.items() if k in spec}

    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=tfds.features.FeaturesDict(spec),
        split_datasets={"train": examples()},
        data_dir=data_dir,
        disable_shuffling=True,
        file_format=file_format,
        download_config=tfds.download.DownloadConfig(num_shards=num_shards),
    )
    return str(data_dir)


@pytest.fixture(scope="session")
def store_tfds() -> MakeTfds:
    """Returns a function that writes a TFDS data set."""
    return _store


@pytest.fixture(scope="session")
def imagenet_like(tmp_path_factory: pytest.TempPathFactory) -> str:
    """60 JPEGs in three files, with TFDS's own features of imagenet2012."""
    features = {
        "image": tfds.features.Image(encoding_format="jpeg"),
        "label": tfds.features.ClassLabel(num_classes=1000),
        "file_name": tfds.features.Text(),
    }
    return _store(
        tmp_path_factory.mktemp("imagenet"),
        _pictures(60),
        [(37 * i) % 1000 for i in range(60)],
        name="imagenet2012",
        version="5.1.0",
        num_shards=3,
        features=features,
        extra={"file_name": "n01440764_1.JPEG"},
    )


@pytest.fixture
def image_folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Classes cat and dog of 6 images each: RGB, grey and RGBA, PNG and JPEG."""
    folder = tmp_path / "pets"
    for number, name in enumerate(("dog", "cat")):
        (folder / name).mkdir(parents=True)
        for i, channels in enumerate((3, 3, 1, 1, 4, 3)):
            picture = _pictures(1, seed=10 * number + i, channels=channels)[0]
            encode = tf.io.encode_jpeg if i == 5 else tf.io.encode_png
            suffix = "jpg" if i == 5 else "png"
            (folder / name / f"{i}.{suffix}").write_bytes(encode(picture).numpy())
    return folder


def _table(labels: Sequence[int], channels: int = 3) -> RecordTable:
    """A table of records without files."""
    count = len(labels)
    return RecordTable(
        source="made train",
        storage="",
        labels=np.array(labels, np.int32),
        digests=np.arange(count, dtype=np.int64) * 7919,
        channels=np.full(count, channels, np.int8),
        file_names=("made",),
        file_sizes=np.zeros(1, np.int64),
        file_numbers=np.zeros(count, np.int32),
        rows=np.arange(count, dtype=np.int32),
        offsets=np.zeros(count, np.int64),
        lengths=np.zeros(count, np.int64),
    )


@pytest.fixture(scope="session")
def make_table() -> Callable[..., RecordTable]:
    """Returns a function that makes a table from labels."""
    return _table
