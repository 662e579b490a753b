"""Saves and restores a run, and finds the checkpoint that `--step` names."""

import pathlib
import sys
from typing import Any

import tensorflow as tf

from tf_smallgan.config import ScheduleConfig
from tf_smallgan.errors import InputError
from tf_smallgan.training import checkpoint_files as files
from tf_smallgan.training.best import best_step
from tf_smallgan.training.state import (
    UNREADABLE,
    TrainingState,
    damaged_checkpoint,
    foreign_checkpoint,
)
from tf_smallgan.workdir import Workdir


def check_keeping(schedule: ScheduleConfig) -> None:
    """Raises InputError where --keep_every_steps names steps that are not saved."""
    kept, saved = schedule.keep_every_steps, schedule.checkpoint_every_steps
    if kept and (not saved or kept % saved):
        raise InputError(
            f"--keep_every_steps={kept} is to keep checkpoints of steps that are not "
            f"saved: --checkpoint_every_steps={saved}. Give a multiple of that"
            + ("." if saved else ", above 0.")
        )


class Checkpoints:
    """The kept checkpoints of a run, named by their step.

    Saving waits for the disk: it is a fraction of a percent of the time between two
    checkpoints (docs/training.md), and what was saved is then there for good.

    Args:
      folder: where they lie; what a kill left unfinished there is cleared.
      state: what is saved.
      keep: how many of the newest are kept.
      keep_every: those of steps divisible by it are kept too; 0 for none.
      **more: further trackables to save.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        state: TrainingState,
        keep: int,
        keep_every: int = 0,
        **more: Any,
    ):
        self.folder = folder
        self._state, self._keep, self._keep_every = state, keep, keep_every
        self._checkpoint = state.checkpoint(**more)
        files.clear_unfinished(folder)

    def newest(self) -> int | None:
        """The newest kept step, None where nothing was saved."""
        return max(files.steps_in(self.folder), default=None)

    def restore(self) -> int:
        """Restores the newest that is whole; returns its step, 0 where there is none.

        Newer ones that are damaged are named on stderr and moved aside.

        Raises:
          InputError: all are damaged, or the newest whole one is of other networks.
        """
        step, damaged = _newest_whole(self.folder)
        if step is None:
            return 0
        for number in damaged:
            aside = files.set_aside(self.folder, number, "damaged")
            print(f"Its files are now in {aside}.", file=sys.stderr)
        path = files.path_of(self.folder, step)
        try:
            self._checkpoint.read(path).assert_consumed()
        except InputError:
            raise
        except UNREADABLE as error:
            raise foreign_checkpoint(path, error) from error
        return int(self._state.step.numpy())

    def save(self) -> str:
        """Saves under the current step, beside the others; returns the path.

        Raises:
          InputError: it could not be written.
        """
        return self.save_to(self.folder)

    def rotate(self) -> None:
        """Removes the oldest beyond `keep`: call when the newest is known healthy."""
        for step in files.steps_in(self.folder)[: -self._keep]:
            if not self._keep_every or step % self._keep_every:
                files.remove(self.folder, step)

    def give_up(self, since: int) -> None:
        """Moves the checkpoints of step `since` and later to `collapsed`.

        That of step 0 stays: nothing was trained yet that could be sick.
        """
        for step in files.steps_in(self.folder):
            if step >= max(since, 1):
                files.set_aside(self.folder, step, "collapsed")

    def save_to(self, folder: pathlib.Path) -> str:
        """Saves under the current step into a folder of no rotation.

        Raises:
          InputError: it could not be written.
        """
        step = int(self._state.step.numpy())
        try:
            return files.write(self._checkpoint, folder, step)
        except (tf.errors.OpError, OSError) as error:
            message = getattr(error, "message", str(error))
            raise InputError(
                f"The checkpoint of step {step} could not be written to {folder}: "
                f"{message}. Earlier checkpoints are untouched; make room and run the "
                "same command again."
            ) from error


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
            if number in files.steps_in(folder):
                return _whole(folder, number)
        raise InputError(
            f"{workdir.best_file} names step {number}, but its checkpoint is gone; "
            "use --step=last or the number of a kept checkpoint."
        )
    best, kept = files.steps_in(workdir.best), files.steps_in(workdir.checkpoints)
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
    kept = files.steps_in(folder)
    if not kept:
        raise InputError(
            f"{folder} holds no checkpoint: the run has not saved yet. Train first."
        )
    if step == "last":
        return files.path_of(folder, _newest_whole(folder)[0] or 0)
    if step.isdigit() and int(step) in kept:
        return _whole(folder, int(step))
    numbers = ", ".join(str(number) for number in kept)
    raise InputError(
        f"--step={step} is not a kept checkpoint; there are {numbers} (or last)."
    )


def _newest_whole(folder: pathlib.Path) -> tuple[int | None, list[int]]:
    """The newest whole step and the damaged ones after it; None where none was saved.

    Raises:
      InputError: there are some, and all are damaged.
    """
    damaged: list[int] = []
    for step in reversed(files.steps_in(folder)):
        path = files.path_of(folder, step)
        reason = files.damage(path)
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
    path = files.path_of(folder, step)
    reason = files.damage(path)
    if reason:
        raise damaged_checkpoint(path, reason)
    return path
