"""A checkpoint's files: named only when whole, so that a kill leaves no half of one.

A checkpoint of step N is `step-N.index` and `step-N.data-*`. Both are written in a
folder of their own, flushed to disk and then renamed, the index last: a checkpoint is
there when its index is. What is kept is what lies there; no other file says so.
"""

import json
import os
import pathlib
import shutil
import sys

import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.training.state import (
    damaged_checkpoint,
)
from tf_smallgan.workdir import Workdir

_PREFIX, _UNFINISHED = "step-", ".unfinished-"
# What TensorFlow raises for files that are not as they were written (IndexError and
# ValueError: an index that was cut short).
_UNREADABLE = (tf.errors.OpError, IndexError, ValueError, RuntimeError)


def steps_in(folder: pathlib.Path) -> list[int]:
    """The steps that `folder` holds, rising."""
    names = [path.stem for path in folder.glob(f"{_PREFIX}*.index")]
    numbers = [name.removeprefix(_PREFIX) for name in names]
    return sorted(int(number) for number in numbers if number.isdigit())


def path_of(folder: pathlib.Path, step: int) -> str:
    """What TensorFlow calls the checkpoint of `step` in `folder`."""
    return str(folder / f"{_PREFIX}{step}")


def damage(path: str) -> str:
    """Why the checkpoint `path` cannot be read; "" where it is whole.

    Reads every value, whose checksum TensorFlow compares: what is whole here and is
    refused later is a checkpoint of something else.
    """
    try:
        reader = tf.train.load_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except _UNREADABLE as error:
        return str(error).splitlines()[0] or type(error).__name__
    return ""


def write(checkpoint: tf.train.Checkpoint, folder: pathlib.Path, step: int) -> str:
    """Writes the checkpoint of `step`; returns its path.

    Raises:
      tf.errors.OpError, OSError: it could not be written; `folder` is as it was.
    """
    unfinished = folder / f"{_UNFINISHED}{step}-{os.getpid()}"
    try:
        unfinished.mkdir(parents=True)
        checkpoint.write(path_of(unfinished, step))
        for file in unfinished.iterdir():
            _flush(file)
        remove(folder, step)  # A damaged one, or one of before a rollback.
        for file in sorted(unfinished.iterdir()):  # .data comes before .index
            os.replace(file, folder / file.name)
        _flush(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return path_of(folder, step)


def remove(folder: pathlib.Path, step: int) -> None:
    """Removes the checkpoint of `step`, if there is one: its index first."""
    for file in _files(folder, step):
        file.unlink()


def set_aside(folder: pathlib.Path, step: int, why: str) -> pathlib.Path:
    """Moves the checkpoint of `step` to a folder `why`; returns that folder."""
    target = folder / why
    target.mkdir(exist_ok=True)
    for file in _files(folder, step):
        os.replace(file, target / file.name)
    return target


def clear_unfinished(folder: pathlib.Path) -> None:
    """Removes what a kill left of a checkpoint that was being written or removed."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path)
    kept = set(steps_in(folder))
    for path in folder.glob(f"{_PREFIX}*.data-*"):
        if int(path.name.removeprefix(_PREFIX).split(".")[0]) not in kept:
            path.unlink()


def _files(folder: pathlib.Path, step: int) -> list[pathlib.Path]:
    """The files of a step, its index first."""
    return sorted(folder.glob(f"{_PREFIX}{step}.*"), reverse=True)


def _flush(path: pathlib.Path) -> None:
    """Waits until a file or folder is on disk, and not only in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checkpoint_path(workdir: Workdir, step: str = "last") -> str:
    """The path of the checkpoint that `--step` names.

    Args:
      workdir: the run's.
      step: "best", "last" (the newest that is whole) or a step's number.

    Raises:
      InputError: there is none, or it is damaged.
    """
    if step == "best":
        number = best_step(workdir)
        for folder in (workdir.best, workdir.checkpoints):
            if number in steps_in(folder):
                return _whole(folder, number)
        raise InputError(
            f"{workdir.best_file} names step {number}, but its checkpoint is gone; "
            "use --step=last or the number of a kept checkpoint."
        )
    best, kept = steps_in(workdir.best), steps_in(workdir.checkpoints)
    if step.isdigit() and int(step) in set(best) - set(kept):
        return _whole(workdir.best, int(step))
    return find_checkpoint(workdir.checkpoints, step)


def find_checkpoint(folder: pathlib.Path, step: str = "last") -> str:
    """The path of a kept checkpoint.

    Args:
      folder: the run's checkpoints.
      step: "last" (the newest that is whole) or a step's number.

    Raises:
      InputError: there is none, or it is damaged; the kept steps are named.
    """
    kept = steps_in(folder)
    if not kept:
        raise InputError(
            f"{folder} holds no checkpoint: the run has not saved yet. Train first."
        )
    if step == "last":
        return path_of(folder, newest_whole(folder)[0] or 0)
    if step.isdigit() and int(step) in kept:
        return _whole(folder, int(step))
    numbers = ", ".join(str(number) for number in kept)
    raise InputError(
        f"--step={step} is not a kept checkpoint; there are {numbers} (or last)."
    )


def newest_whole(folder: pathlib.Path) -> tuple[int | None, list[int]]:
    """The newest whole step and the damaged ones after it; None where none was saved.

    Raises:
      InputError: there are some, and all are damaged.
    """
    damaged: list[int] = []
    for step in reversed(steps_in(folder)):
        path = path_of(folder, step)
        reason = damage(path)
        if not reason:
            return step, damaged
        damaged.append(step)
        print(
            f"Warning: the checkpoint {path} is damaged ({reason[:160]}) and skipped; "
            "the one before it is used.",
            file=sys.stderr,
        )
    if damaged:
        raise InputError(
            f"Each checkpoint in {folder} (of steps "
            f"{', '.join(str(step) for step in damaged)}) is damaged and cannot be "
            "restored. Put back a copy of one, or start afresh in another --workdir."
        )
    return None, []


def _whole(folder: pathlib.Path, step: int) -> str:
    path = path_of(folder, step)
    reason = damage(path)
    if reason:
        raise damaged_checkpoint(path, reason)
    return path


def best_step(workdir: Workdir) -> int:
    """The step that best.json names.

    Raises:
      InputError: there is none.
    """
    if not workdir.best_file.exists():
        raise InputError(
            f"--step=best: {workdir.path} has no {workdir.best_file.name}, so no best "
            "checkpoint has been chosen; train with --eval_every_steps, or use "
            "--step=last."
        )
    return int(read_best(workdir)["step"])


def read_best(workdir: Workdir) -> dict:
    try:
        record = json.loads(workdir.best_file.read_text())
        return record | {"step": int(record["step"])}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{workdir.best_file} does not name a step as {{'step': N}}; remove it, "
            "and use --step=last."
        ) from error
