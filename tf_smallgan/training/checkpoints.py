"""Saves and restores a run, and keeps the best checkpoint outside of the rotation."""

import json
import math
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.files import replacing
from tf_smallgan.training.checkpoint_files import (
    clear_unfinished,
    newest_whole,
    path_of,
    read_best,
    remove,
    set_aside,
    steps_in,
    write,
)
from tf_smallgan.training.state import (
    UNREADABLE,
    TrainingState,
    foreign_checkpoint,
)
from tf_smallgan.workdir import Workdir


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
        clear_unfinished(folder)

    def newest(self) -> int | None:
        """The newest kept step, None where nothing was saved."""
        return max(steps_in(self.folder), default=None)

    def restore(self) -> int:
        """Restores the newest that is whole; returns its step, 0 where there is none.

        Newer ones that are damaged are named on stderr and moved aside.

        Raises:
          InputError: all are damaged, or the newest whole one is of other networks.
        """
        step, damaged = newest_whole(self.folder)
        if step is None:
            return 0
        for number in damaged:
            aside = set_aside(self.folder, number, "damaged")
            print(f"Its files are now in {aside}.", file=sys.stderr)
        path = path_of(self.folder, step)
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
        for step in steps_in(self.folder)[: -self._keep]:
            if not self._keep_every or step % self._keep_every:
                remove(self.folder, step)

    def give_up(self, since: int) -> None:
        """Moves the checkpoints of step `since` and later to `collapsed`.

        That of step 0 stays: nothing was trained yet that could be sick.
        """
        for step in steps_in(self.folder):
            if step >= max(since, 1):
                set_aside(self.folder, step, "collapsed")

    def save_to(self, folder: pathlib.Path) -> str:
        """Saves under the current step into a folder of no rotation.

        Raises:
          InputError: it could not be written.
        """
        step = int(self._state.step.numpy())
        try:
            return write(self._checkpoint, folder, step)
        except (tf.errors.OpError, OSError) as error:
            message = getattr(error, "message", str(error))
            raise InputError(
                f"The checkpoint of step {step} could not be written to {folder}: "
                f"{message}. Earlier checkpoints are untouched; make room and run the "
                "same command again."
            ) from error


class BestCheckpoint:
    """Keeps the state that scored least: WORKDIR/best/step-N, named by best.json.

    The file is written after the checkpoint and before the one it replaces goes: at
    any moment it names a checkpoint that is there.

    Args:
      workdir: the run's; its best so far counts.
      save_to: (folder) writes a checkpoint of the current state there.
      deciding: scores to the name of the one that is to be least.
      setting: what else scores depend on.

    Raises:
      InputError: best.json is there and does not name a step.
    """

    def __init__(
        self,
        workdir: Workdir,
        save_to: Callable[[pathlib.Path], str],
        deciding: Callable[[dict[str, float]], str],
        setting: str = "",
    ):
        self._workdir, self._save_to = workdir, save_to
        self._deciding, self._setting = deciding, setting
        clear_unfinished(workdir.best)
        self._record = read_best(workdir) if workdir.best_file.exists() else {}

    def offer(self, step: int, scores: dict[str, float]) -> bool:
        """Keeps the current state if it is the best; returns whether it is.

        A best of another metric or setting gives way: the two cannot be compared.

        Raises:
          InputError: it could not be written.
        """
        metric = self._deciding(scores)
        value = scores[metric]
        if not math.isfinite(value):
            return False
        # Early records do not tell their setting.
        comparable = (
            self._record.get("metric") == metric
            and self._record.get("setting", self._setting) == self._setting
        )
        if comparable and value >= self._record["value"]:
            return False
        self._save_to(self._workdir.best)
        self._record = {
            "step": step,
            "metric": metric,
            "value": value,
            "setting": self._setting,
        }
        _write(self._workdir.best_file, self._record)
        for old in steps_in(self._workdir.best):
            if old != step:
                remove(self._workdir.best, old)
        return True

    def refuse_any(self) -> None:
        """For a run that starts afresh, which has none and may not remove one.

        Raises:
          InputError: there is one, maybe all that is left of an earlier run.
        """
        if self._record:
            raise InputError(
                f"{self._workdir.path} has the best checkpoint of step "
                f"{self._record['step']}, but none to go on from, so training would "
                "start again and replace it; use a fresh --workdir, or move "
                f"{self._workdir.best} and {self._workdir.best_file.name} away. To "
                "use it, sample, evaluate and export take --step=best."
            )

    def describe(self) -> str:
        """`DIR/best/step-400 (fid_1k 12.3)`; "" where there is none."""
        if "metric" not in self._record:
            return ""
        path = path_of(self._workdir.best, self._record["step"])
        return f"{path} ({self._record['metric']} {self._record['value']:.4g})"


def _write(path: pathlib.Path, record: dict) -> None:
    try:
        with replacing(path) as partial:
            partial.write_text(json.dumps(record) + "\n")
    except OSError as error:
        raise InputError(f"{path} could not be written: {error}.") from error
