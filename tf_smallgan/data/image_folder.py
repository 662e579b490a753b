"""A folder of class folders of PNG or JPEG files."""

import hashlib
import json
import os
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan.data import images
from tf_smallgan.data.records import (
    PARALLEL_CALLS,
    UNLABELLED,
    Progress,
    Reader,
    RecordTable,
    input_options,
    no_progress,
)
from tf_smallgan.errors import InputError

_READ = (".png", ".jpg", ".jpeg", ".jpe", ".jfif")
_OTHER_IMAGES = (".bmp", ".gif", ".tif", ".tiff", ".webp", ".avif", ".heic")
_NOT_CLASSES = (".", "__MACOSX")
_BATCH = 256


class ImageFolderSource:
    """Class folders, or images directly inside in an unconditional run."""

    name = "image_folder"
    default_flip = True
    notice = ""

    def __init__(self, folder: str, split: str, conditional: bool | None = None):
        """Lists the folder.

        Args:
          folder: holds a folder a class.
          split: "train", since all images of the folder are.
          conditional: where it is False, images may lie directly in `folder`.

        Raises:
          InputError: the folder is missing, empty, or one level too high or low, or
            another split is asked for.
        """
        if split != "train":
            raise InputError(
                f"--split={split}: all images of an image folder are its split "
                "'train'; give --split=train, and the folder of others by --data_dir."
            )
        self.split, self._folder = split, folder.rstrip("/")
        if not folder or not tf.io.gfile.isdir(folder):
            raise InputError(
                f"--data_dir={folder} is not a folder; --dataset=image_folder needs "
                "the folder that holds one folder of PNG or JPEG files a class."
            )
        classes = _class_files(self._folder)
        flat = _images_in(self._folder)
        if classes and flat:
            raise InputError(
                f"--data_dir={folder} holds class folders and also {len(flat):,} "
                f"images beside them, such as {flat[0]}; move them into one."
            )
        if not classes and not (flat and conditional is False):
            raise InputError(_no_classes(self._folder, flat, conditional is not False))
        self.class_names = tuple(classes) if classes else None
        self._paths, self._labels = _flatten(classes, flat)

    @property
    def num_classes(self) -> int | None:
        """K, or None without class folders."""
        return None if self.class_names is None else len(self.class_names)

    def storage(self) -> str:
        """Hash of paths, sizes and times of change."""
        looks = hashlib.blake2b(digest_size=16)
        for path in self._paths:
            stat = tf.io.gfile.stat(f"{self._folder}/{path}")
            looks.update(json.dumps([path, stat.length, stat.mtime_nsec]).encode())
        return looks.hexdigest()

    def scan(self, report: Progress = no_progress) -> RecordTable:
        """Reads every file once; images stay encoded.

        Raises:
          InputError: a file is not a PNG or JPEG.
        """
        storage, done, parts = self.storage(), 0, []
        dataset = tf.data.Dataset.from_tensor_slices(self._full_paths())
        dataset = dataset.map(_describe, num_parallel_calls=PARALLEL_CALLS)
        dataset = dataset.batch(_BATCH).with_options(input_options())
        try:
            for part in dataset.as_numpy_iterator():
                self._refuse_no_image(part["is_image"], done)
                parts.append(part)
                done += len(part["is_image"])
                report(done, len(self._paths))
        except tf.errors.OpError:
            # Headers are read ahead: the culprit lies just behind `done`.
            self._refuse_unreadable(self._full_paths()[done : done + 4 * _BATCH])
            raise
        return self._table(storage, parts)

    def _table(self, storage: str, parts: list[dict[str, Any]]) -> RecordTable:
        columns = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
        count = len(self._paths)
        self.notice = _turned(int(columns["turned"].sum()), self._folder)
        return RecordTable(
            source=f"{self.name} {self.split}",
            storage=storage,
            labels=self._labels,
            digests=columns["digest"],
            channels=columns["channels"],
            file_names=tuple(self._paths),
            file_sizes=columns["length"],
            file_numbers=np.arange(count, dtype=np.int32),
            rows=np.full(count, -1, np.int32),
            offsets=np.zeros(count, np.int64),
            lengths=columns["length"],
        )

    def reader(self, table: RecordTable) -> Reader:
        """Reads the whole file of a record."""
        with tf.device("CPU:0"):
            paths = tf.constant([f"{self._folder}/{p}" for p in table.file_names])

        def read(record: tf.Tensor) -> tf.Tensor:
            return tf.io.read_file(tf.gather(paths, record))

        return read

    def _full_paths(self) -> list[str]:
        return [f"{self._folder}/{path}" for path in self._paths]

    def _refuse_no_image(self, is_image: np.ndarray, first: int) -> None:
        bad = np.flatnonzero(~is_image)
        if len(bad):
            raise InputError(
                f"{self._folder}/{self._paths[first + bad[0]]} is not a PNG or JPEG "
                "file: it does not begin as one. Replace or remove it."
            )

    def _refuse_unreadable(self, paths: list[str]) -> None:
        for path in paths:
            try:
                _describe(tf.constant(path))
            except tf.errors.InvalidArgumentError as error:
                raise InputError(
                    f"{path} breaks off in its header. Replace or remove it."
                ) from error
            except tf.errors.OpError as error:
                raise InputError(
                    f"{path} cannot be opened ({error.message.splitlines()[0]}). "
                    "Make it readable or remove it."
                ) from error


def _turned(count: int, folder: str) -> str:
    """What to say of images that are stored lying on their side."""
    if not count:
        return ""
    return (
        f"Note: {count:,} of the images are marked as turned or mirrored by their "
        "camera (Exif orientation), which is not applied: they are used as they are "
        "stored. ImageMagick's mogrify -auto-orient turns the files of "
        f"{folder}; do so before training, for which they are other images then."
    )


def _describe(path: tf.Tensor) -> dict[str, tf.Tensor]:
    encoded = tf.io.read_file(path)
    is_image = images.is_image(encoded)
    return {
        "is_image": is_image,
        "digest": images.digest(encoded),
        "turned": images.orientation(encoded) > 1,
        "channels": tf.cast(images.stored_channels(encoded), tf.int8),
        "length": images.num_bytes(encoded),
    }


def _flatten(
    classes: dict[str, list[str]], flat: list[str]
) -> tuple[list[str], np.ndarray]:
    """Relative paths [N] and labels [N]."""
    if not classes:
        return flat, np.full(len(flat), UNLABELLED, np.int32)
    counts = [len(paths) for paths in classes.values()]
    paths = [path for group in classes.values() for path in group]
    return paths, np.repeat(np.arange(len(classes)), counts).astype(np.int32)


def _class_files(folder: str) -> dict[str, list[str]]:
    """Relative paths by class folder, both sorted; empty where none has images.

    Raises:
      InputError: some folders have images and others have none.
    """
    classes = {
        name: [f"{name}/{image}" for image in _images_in(f"{folder}/{name}")]
        for name in _folders_in(folder)
    }
    empty = [name for name, paths in classes.items() if not paths]
    if len(empty) == len(classes):
        return {}
    if empty:
        raise InputError(
            f"The class folder {folder}/{empty[0]} has no PNG or JPEG files directly "
            "inside; fill or remove it."
        )
    return classes


def _folders_in(folder: str) -> list[str]:
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(folder)]
    return sorted(
        name
        for name in names
        if not name.startswith(_NOT_CLASSES) and tf.io.gfile.isdir(f"{folder}/{name}")
    )


def _images_in(folder: str) -> list[str]:
    """Names of PNG and JPEG files directly in `folder`, sorted.

    Raises:
      InputError: there are images of another kind.
    """
    names = sorted(n for n in tf.io.gfile.listdir(folder) if not n.startswith("."))
    other = [n for n in names if n.lower().endswith(_OTHER_IMAGES)]
    if other:
        raise InputError(
            f"{folder}/{other[0]} is {os.path.splitext(other[0])[1]}; only PNG and "
            f"JPEG are read. Convert or remove it ({len(other):,} such files there)."
        )
    return [n for n in names if n.lower().endswith(_READ)]


def _no_classes(folder: str, flat: list[str], conditional: bool) -> str:
    """Why `folder` has no classes, and which one may have been meant."""
    if flat:
        parent = os.path.dirname(os.path.abspath(folder))
        return (
            f"--data_dir={folder} holds {len(flat):,} images but no class folders. For "
            f"a conditional run name the folder above it ({parent}) if that has a "
            "folder a class; without classes give --noconditional."
        )
    below = {
        f"{folder}/{n}": _class_folders(f"{folder}/{n}") for n in _folders_in(folder)
    }
    lower = [path for path, classes in below.items() if len(classes) > 1]
    if lower:
        return (
            f"--data_dir={folder} is one level too high: the class folders lie in "
            f"{' and '.join(lower[:3])}. Give --data_dir={lower[0]}."
        )
    deeper = [f"{path}/{classes[0]}" for path, classes in below.items() if classes]
    if deeper and not conditional:
        return (
            f"--data_dir={folder} has no images but in folders of its folders. Give "
            f"--data_dir={deeper[0]}."
        )
    if deeper:
        return (
            f"--data_dir={folder} has no images directly in its class folders; they "
            f"lie deeper, such as in {deeper[0]}. Move a class's images into its "
            "folder."
        )
    return (
        f"--data_dir={folder} has no images: expected a folder a class with PNG or "
        "JPEG files, such as cat/1.png."
    )


def _class_folders(folder: str) -> list[str]:
    """Names of the folders in `folder` that hold images."""
    return [name for name in _folders_in(folder) if _images_in(f"{folder}/{name}")]
