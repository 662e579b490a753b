"""Saves and restores a run."""

import pathlib
from typing import Any

import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.training.state import (
    UNREADABLE,
    TrainingState,
    unreadable_checkpoint,
)


class Checkpoints:
    """The kept checkpoints of a run, named by their step.

    Args:
      folder: where they lie.
      state: what is saved.
      keep: how many of the newest are kept.
      **more: further trackables to save.
    """

    def __init__(
        self, folder: pathlib.Path, state: TrainingState, keep: int, **more: Any
    ):
        self._state = state
        self._checkpoint = state.checkpoint(**more)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint,
            str(folder),
            max_to_keep=keep,
            checkpoint_name="step",
        )

    def restore(self) -> int:
        """Restores the newest; returns its step, 0 where there is none.

        Raises:
          InputError: the checkpoint cannot be read, or is of other networks.
        """
        path = self._manager.latest_checkpoint
        if path is None:
            return 0
        try:
            self._checkpoint.restore(path).assert_consumed()
        except UNREADABLE as error:
            raise unreadable_checkpoint(path, error) from error
        return int(self._state.step.numpy())

    def save(self) -> str:
        """Saves under the current step; returns the path.

        Raises:
          InputError: it could not be written.
        """
        step = int(self._state.step.numpy())
        try:
            return self._manager.save(checkpoint_number=step)
        except tf.errors.OpError as error:
            raise InputError(
                f"The checkpoint of step {step} could not be written to "
                f"{self._manager.directory}: {error.message}. Earlier checkpoints "
                "are untouched; make room and run the same command again."
            ) from error


def find_checkpoint(folder: pathlib.Path, step: str = "last") -> str:
    """The path of a kept checkpoint.

    Args:
      folder: the run's checkpoints.
      step: "last" or a step's number.

    Raises:
      InputError: there is none; the kept steps are named.
    """
    kept = sorted(
        (int(path.stem.split("-")[1]), path.with_suffix(""))
        for path in folder.glob("step-*.index")
    )
    if not kept:
        raise InputError(
            f"{folder} holds no checkpoint: the run has not saved yet. Train first."
        )
    if step == "last":
        return str(kept[-1][1])
    for number, path in kept:
        if step == str(number):
            return str(path)
    numbers = ", ".join(str(number) for number, _ in kept)
    raise InputError(
        f"--step={step} is not a kept checkpoint; there are {numbers} (or last)."
    )
