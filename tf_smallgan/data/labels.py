"""What is said about the data at the start, and labels that cannot be right."""

from collections.abc import Sequence

import numpy as np

from tf_smallgan.data.images import conversions
from tf_smallgan.data.records import UNLABELLED, RecordTable
from tf_smallgan.errors import InputError

_ONE_BY_ONE = 20  # classes up to which each is listed


def describe(
    table: RecordTable,
    channels: int,
    class_names: tuple[str, ...] | None = None,
) -> str:
    """Lines about the data: images, classes, histogram, conversions.

    Args:
      table: N records.
      channels: C that images are converted to.
      class_names: K names, if there are classes.
    """
    labelled = table.labels[table.labels != UNLABELLED]
    lines = [f"{table.source}: {table.num_images:,} images, {_classes(labelled)}"]
    if len(labelled):
        lines.append(f"labels: {histogram(labelled, class_names)}")
    converted = conversions(table.channels, channels)
    return "\n".join([*lines, converted] if converted else lines)


def _classes(labels: np.ndarray) -> str:
    count = len(np.unique(labels))
    return f"{count:,} classes" if count != 1 else "1 class"


def histogram(labels: np.ndarray, class_names: tuple[str, ...] | None = None) -> str:
    """Images a class, compact: each of a few classes, or the spread of many."""
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) <= _ONE_BY_ONE:
        return ", ".join(
            f"{_class_name(c, class_names)} {n:,}" for c, n in zip(classes, counts)
        )
    few, many = counts.argmin(), counts.argmax()
    return (
        f"{counts.min():,} ({_class_name(classes[few], class_names)}) to "
        f"{counts.max():,} ({_class_name(classes[many], class_names)}) images a class, "
        f"median {np.median(counts):,.0f}"
    )


def _class_name(label: int, class_names: tuple[str, ...] | None) -> str:
    known = class_names is not None and label < len(class_names)
    return class_names[label] if class_names and known else str(label)


def classes_without_images(table: RecordTable, num_classes: int | None) -> str:
    """Says that a conditional run asks for classes that no image is of; or ""."""
    present = len(np.unique(table.labels[table.labels != UNLABELLED]))
    if not num_classes or present >= num_classes:
        return ""
    return (
        f"Of {num_classes:,} classes {num_classes - present:,} have no image here: the "
        "generator is asked for them as for any other, and learns nothing of them. "
        "--noconditional trains without classes."
    )


def names_of(class_names: Sequence[str] | None, num_classes: int) -> list[str]:
    """A name for each class; its number where images have not given it one."""
    known = tuple(class_names or ())
    return [_class_name(label, known) for label in range(num_classes)]


def has_unlabelled(table: RecordTable) -> bool:
    """Whether any image lacks a label."""
    return bool((table.labels == UNLABELLED).any())


def check_labels(
    table: RecordTable,
    conditional: bool,
    num_classes: int | None,
    one_class: bool = False,
) -> None:
    """Refuses labels that a run cannot be trained on.

    Args:
      table: N records.
      conditional: whether the run conditions on the class.
      num_classes: K of the models.
      one_class: whether images of one class are what was asked for.

    Raises:
      InputError: a conditional run where labels are missing, all one class, or
        beyond K.
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
            "without classes give --noconditional; on one class, --num_classes=1."
        )
    if num_classes is not None and classes[-1] >= num_classes:
        raise InputError(
            f"--num_classes={num_classes}, but {table.source} has the label "
            f"{classes[-1]}; give at least --num_classes={classes[-1] + 1}."
        )
