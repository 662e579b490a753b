"""Any data set of TensorFlow Datasets that has images."""

import difflib
import hashlib
import json
import os

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_smallgan.config import catalog
from tf_smallgan.data import tfrecord
from tf_smallgan.data.records import (
    MEMORY_LIMIT_BYTES,
    UNLABELLED,
    Progress,
    Reader,
    RecordTable,
    memory_reader,
    no_progress,
)
from tf_smallgan.errors import InputError

_OWN_NAMES = ("digits", "image_folder")


class TfdsSource:
    """A split of a TFDS data set."""

    notice = ""

    def __init__(self, name: str, data_dir: str, split: str):
        """Opens the data set, preparing it first if it is not there.

        Raises:
          InputError: no such data set or split, it cannot be prepared, or it has
            no usable image feature.
        """
        self.name, self.split = name, split
        self.default_flip = catalog.flips_by_default(name)
        self._builder = _open_builder(name, data_dir)
        self._parts = _parts(self._builder, split)
        features = self._builder.info.features
        self._image_key = _image_key(name, features)
        label = dict(features.items()).get("label")
        self._label_key: str | None = None
        self.class_names: tuple[str, ...] | None = None
        if isinstance(label, tfds.features.ClassLabel):
            self._label_key, self.class_names = "label", tuple(label.names)

    @property
    def num_classes(self) -> int | None:
        """K, or None where there is no class label."""
        return None if self.class_names is None else len(self.class_names)

    def storage(self) -> str:
        """Hash of the files' names, sizes and a few of their bytes."""
        looks = tfrecord.look_at_all(self._parts)
        return hashlib.blake2b(json.dumps(looks).encode(), digest_size=16).hexdigest()

    def scan(self, report: Progress = no_progress) -> RecordTable:
        """Reads every record once; images stay encoded."""
        storage, total = self.storage(), sum(part.take for part in self._parts)
        scanned, done = [], 0
        for number, part in enumerate(self._parts):
            scanned.append(tfrecord.scan_part(part, self._parse, number))
            done += part.take
            report(done, total)
        columns = {k: np.concatenate([c[k] for c in scanned]) for k in scanned[0]}
        sizes = [tf.io.gfile.stat(part.path).length for part in self._parts]
        return RecordTable(
            source=f"{self.name} {self.split}",
            storage=storage,
            file_names=tuple(part.name for part in self._parts),
            file_sizes=np.array(sizes, np.int64),
            **columns,
        )

    def reader(
        self, table: RecordTable, memory_limit_bytes: int = MEMORY_LIMIT_BYTES
    ) -> Reader:
        """Reads from memory where all fits the limit, else by byte range."""
        if int(table.lengths.sum()) <= memory_limit_bytes:
            return memory_reader(tfrecord.encoded_images(self._parts, self._parse))
        paths = [part.path for part in self._parts]
        return tfrecord.byte_range_reader(table, paths, self._parse)

    def _parse(self, payload: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Payload to (encoded image, label), other features left alone."""
        keys = [key for key in (self._image_key, self._label_key) if key]
        all_features = self._builder.info.features
        features = tfds.features.FeaturesDict({k: all_features[k] for k in keys})
        example = features.deserialize_example(
            payload, decoders={self._image_key: tfds.decode.SkipDecoding()}
        )
        label = tf.constant(UNLABELLED)
        if self._label_key:
            label = tf.cast(example[self._label_key], tf.int32)
        return example[self._image_key], label


def _open_builder(name: str, data_dir: str) -> tfds.core.DatasetBuilder:
    try:
        builder = tfds.builder(name, data_dir=data_dir or None)
    except tfds.core.DatasetNotFoundError as error:
        raise InputError(_not_found(name, data_dir)) from error
    except (ValueError, RuntimeError, AttributeError) as error:
        raise InputError(
            f"--dataset={name} cannot be opened by TFDS: {error}"
        ) from error
    if not builder.info.splits and ":" not in name and "=" not in name:
        # This TFDS would make another version than the one that lies there.
        builder = tfds.builder(f"{name}:*.*.*", data_dir=data_dir or None)
    if not builder.info.splits:
        _prepare(builder, name, data_dir)
    _check_format(builder, name)
    return builder


def _not_found(name: str, data_dir: str) -> str:
    names = [*_OWN_NAMES, *tfds.list_builders(with_community_datasets=False)]
    close = difflib.get_close_matches(name, names, n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    return (
        f"--dataset={name} is not known: it is neither 'digits' nor 'image_folder', "
        "nor a TFDS data set, nor one prepared in "
        f"--data_dir={data_dir or 'TFDS default'}.{hint}"
    )


def _prepare(builder: tfds.core.DatasetBuilder, name: str, data_dir: str) -> None:
    """Downloads and prepares a data set that is not there.

    TFDS's downloaders and converters fail in any way that a network, a disk or
    a data set's own code can, hence the wide net; the cause stays chained.
    """
    try:
        builder.download_and_prepare()
    except Exception as error:
        where = f" --data_dir={data_dir}" if data_dir else ""
        raise InputError(
            f"--dataset={name} is not prepared in {builder.data_dir}, and preparing it "
            f"failed ({type(error).__name__}: {_first_line(error)}). Where there is a "
            f"network run: tfds build {name}{where}; it says which archives have to be "
            "placed by hand, if any. Or name the folder that holds it with --data_dir=."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]


def _check_format(builder: tfds.core.DatasetBuilder, name: str) -> None:
    found = builder.info.file_format
    if found is not None and found.value != "tfrecord":
        raise InputError(
            f"--dataset={name} in {builder.data_dir} is stored as '{found.value}'; "
            "records are read at random from TFRecord files. Build it as such in "
            f"another folder: tfds build {name} --file_format=tfrecord --data_dir="
            "FOLDER, then give --data_dir=FOLDER."
        )


def _parts(builder: tfds.core.DatasetBuilder, split: str) -> list[tfrecord.Part]:
    """The files of a split or of a part such as `train[:10%]`."""
    try:
        instructions = builder.info.splits[split].file_instructions
    except (KeyError, ValueError) as error:
        raise InputError(
            f"--split={split} is not in {builder.info.full_name}; its splits are "
            f"{', '.join(sorted(builder.info.splits))}, and parts such as train[:10%]."
        ) from error
    parts = [_part(x) for x in instructions if x.take]
    if not parts:
        raise InputError(f"--split={split} of {builder.info.full_name} has no images.")
    return parts


def _part(instruction: tfds.core.utils.shard_utils.FileInstruction) -> tfrecord.Part:
    path = os.fspath(instruction.filename)
    return tfrecord.Part(
        path=path,
        name=os.path.basename(path),
        skip=instruction.skip,
        take=instruction.take,
    )


def _image_key(name: str, features: tfds.features.FeaturesDict) -> str:
    keys = [k for k, v in features.items() if isinstance(v, tfds.features.Image)]
    key = keys[0] if len(keys) == 1 else "image"
    if key not in keys:
        kinds = sorted(f"{k} ({type(v).__name__})" for k, v in features.items())
        which = "no image feature" if not keys else "several, none called 'image'"
        raise InputError(
            f"--dataset={name} has {which}; its features are {', '.join(kinds)}. "
            "Choose a data set of single images."
        )
    if features[key].np_dtype != np.uint8:
        raise InputError(
            f"--dataset={name} stores images as {features[key].np_dtype}; only uint8 "
            "images can be trained on."
        )
    return key
