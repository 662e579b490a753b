"""Label statistics: what is printed about a data set, and labels that are refused."""

from collections.abc import Sequence

import numpy as np

from tf_smallgan.data.records import UNLABELLED, RecordTable
from tf_smallgan.errors import InputError

_MAX_LISTED_CLASSES = 20
_CHANNEL_NAMES = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "four-channel"}


def describe(
    table: RecordTable, channels: int, class_names: tuple[str, ...] | None = None
) -> str:
    """Lines about a data set: numbers of images and classes, histogram, conversions.

    Args:
      table: N records.
      channels: C, 1 or 3, that images are converted to.
      class_names: K names, if there are classes.
    """
    labelled = table.labels[table.labels != UNLABELLED]
    count = len(np.unique(labelled))
    classes = f"{count:,} class" + ("" if count == 1 else "es")
    lines = [f"{table.source}: {table.num_images:,} images, {classes}"]
    if len(labelled):
        lines.append(f"labels: {histogram(labelled, class_names)}")
    converted = conversions(table.channels, channels)
    return "\n".join([*lines, converted] if converted else lines)


def histogram(labels: np.ndarray, class_names: tuple[str, ...] | None = None) -> str:
    """Images per class: every class if there are few, else the range and median."""
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) <= _MAX_LISTED_CLASSES:
        return ", ".join(
            f"{_class_name(c, class_names)} {n:,}" for c, n in zip(classes, counts)
        )
    few, many = counts.argmin(), counts.argmax()
    return (
        f"{counts.min():,} ({_class_name(classes[few], class_names)}) to "
        f"{counts.max():,} ({_class_name(classes[many], class_names)}) images per "
        f"class, median {np.median(counts):,.0f}"
    )


def conversions(stored: np.ndarray, channels: int) -> str:
    """Reports how many images are converted to another number of channels.

    Args:
      stored: [N] channel counts as stored.
      channels: C, 1 or 3.

    Returns:
      The report; "" if no image is converted.
    """
    counts = {int(c): int(n) for c, n in zip(*np.unique(stored, return_counts=True))}
    target = "RGB" if channels == 3 else "grey"
    parts = [
        f"{number:,} {_CHANNEL_NAMES.get(count, 'unknown')} "
        f"{'image was' if number == 1 else 'images were'} converted to {target}"
        for count, number in counts.items()
        if count != channels
    ]
    return "; ".join(parts)


def classes_without_images(table: RecordTable, num_classes: int | None) -> str:
    """A warning if a conditional run has classes without images, else ""."""
    present = len(np.unique(table.labels[table.labels != UNLABELLED]))
    if not num_classes or present >= num_classes:
        return ""
    return (
        f"Warning: {num_classes - present:,} of {num_classes:,} classes have no "
        "images. The generator is conditioned on them all the same and learns nothing "
        "about them. --noconditional trains without classes."
    )


def names_of(class_names: Sequence[str] | None, num_classes: int) -> list[str]:
    """A name for each class; its number where the data set has no name for it."""
    known = tuple(class_names or ())
    return [_class_name(label, known) for label in range(num_classes)]


def _class_name(label: int, class_names: tuple[str, ...] | None) -> str:
    known = class_names is not None and label < len(class_names)
    return class_names[label] if class_names and known else str(label)


def has_unlabelled(table: RecordTable) -> bool:
    """Whether any image lacks a label."""
    return bool((table.labels == UNLABELLED).any())


def check_labels(
    table: RecordTable,
    conditional: bool,
    num_classes: int | None,
    one_class: bool = False,
) -> None:
    """Checks that a run can be trained on these labels.

    Args:
      table: N records.
      conditional: whether the run conditions on the class.
      num_classes: K of the models.
      one_class: whether a single class is intended.

    Raises:
      InputError: the run is conditional and labels are missing, all equal, or
        not below K.
    """
    if not conditional:
        return
    unlabelled = int((table.labels == UNLABELLED).sum())
    if unlabelled:
        raise InputError(
            f"{unlabelled:,} of {table.num_images:,} images of {table.source} have no "
            "label, but the run is conditional; give --noconditional."
        )
    classes = np.unique(table.labels)
    if len(classes) == 1 and not one_class:
        raise InputError(
            f"All {table.num_images:,} images of {table.source} have the label "
            f"{classes[0]}. Is --data_dir one level too high or too low? To train "
            "without classes, give --noconditional; to train on one class, "
            "--num_classes=1."
        )
    if num_classes is not None and classes[-1] >= num_classes:
        raise InputError(
            f"--num_classes={num_classes}, but {table.source} has the label "
            f"{classes[-1]}; give at least --num_classes={classes[-1] + 1}."
        )
