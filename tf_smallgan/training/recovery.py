"""What follows a collapse: a report and the end, or back to the last healthy state.

Going back halves both learning rates and goes on with draws that were not used yet:
the same data and latents would lead to the same end where they were its cause
(PaLM, section 5.1, skips the batches around a spike in the same way). Data moves on
in its order, so each image is still offered once an epoch.
"""

import dataclasses
import json
import pathlib

import keras
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.files import replacing
from tf_smallgan.training import checkpoints
from tf_smallgan.training.checkpoints import BestCheckpoint, Checkpoints
from tf_smallgan.training.collapse import Collapse
from tf_smallgan.training.state import TrainingState
from tf_smallgan.workdir import Workdir


class Collapsed(InputError):
    """The report of a collapse that ends a run."""


@dataclasses.dataclass
class Recovery:
    """Answers a collapse as --on_collapse says.

    The number of rollbacks, the draws passed over and the learning rates are part of
    the checkpoint. rollbacks.json has the first two as well: a run that is killed
    after going back and before saving again has not forgotten.

    Attributes:
      roll_back: go back, at most `most` times; else end.
    """

    workdir: Workdir
    state: TrainingState
    checkpoints: Checkpoints
    best: BestCheckpoint
    roll_back: bool
    most: int

    def prepare(self) -> None:
        """After restoring: takes up rollbacks that no checkpoint knows of yet.

        Raises:
          InputError: rollbacks.json is not readable, the start cannot be saved, or
            a best checkpoint is all that an earlier run left.
        """
        if self.checkpoints.newest() is None:
            self.best.refuse_any()
            # What an earlier run left here is not of this one.
            self.workdir.rollbacks.unlink(missing_ok=True)
            if self.roll_back:
                self.checkpoints.save()  # The first steps have to go back to something.
        elif self.workdir.rollbacks.exists():
            self._apply(*_read(self.workdir.rollbacks))

    def after(self, collapse: Collapse) -> dict[str, str | float]:
        """Goes back; returns what to log of it.

        Raises:
          Collapsed: --on_collapse=stop, there were enough rollbacks, or nothing
            healthy is kept.
        """
        rollbacks = int(self.state.rollbacks.numpy())
        self.checkpoints.give_up(collapse.sick_since)
        nowhere = self.checkpoints.newest() is None
        if not self.roll_back or rollbacks >= self.most or nowhere:
            raise Collapsed(self._report(collapse, rollbacks))
        used = self.state.position()
        step = self.checkpoints.restore()
        self._apply(rollbacks + 1, used - step)
        self._remember(rollbacks + 1, used - step)
        return {
            "rollback": rollbacks + 1,
            "collapse": str(collapse),
            "collapsed_at_step": collapse.step,
            "generator_lr": _rate(self.state.generator_optimizer),
            "discriminator_lr": _rate(self.state.discriminator_optimizer),
        }

    def _apply(self, rollbacks: int, skipped: int) -> None:
        """Brings the restored state to so many rollbacks; nothing where it is there."""
        missing = rollbacks - int(self.state.rollbacks.numpy())
        if missing <= 0:
            return
        for optimizer in (
            self.state.generator_optimizer,
            self.state.discriminator_optimizer,
        ):
            optimizer.learning_rate = _rate(optimizer) * 0.5**missing
        self.state.rollbacks.assign(rollbacks)
        self.state.skipped.assign(skipped)

    def _remember(self, rollbacks: int, skipped: int) -> None:
        path = self.workdir.rollbacks
        try:
            with replacing(path) as partial:
                partial.write_text(
                    json.dumps({"rollbacks": rollbacks, "skipped": skipped}) + "\n"
                )
        except OSError as error:
            raise InputError(f"{path} could not be written: {error}.") from error

    def _report(self, collapse: Collapse, rollbacks: int) -> str:
        healthy = self.checkpoints.newest()
        kept = (
            "none"
            if healthy is None
            else f"{checkpoints.path_of(self.checkpoints.folder, healthy)}"
        )
        best = self.best.describe() or "none, --eval_every_steps was off or not due"
        if healthy is None:
            advice = (
                "There is nothing to go back to; start in a fresh --workdir, with a "
                "smaller --checkpoint_every_steps or a larger --keep_checkpoints."
            )
        elif self.roll_back:
            advice = (
                f"It went back {rollbacks} times, and --max_rollbacks={self.most}. "
                "Raise that, or lower --generator_lr and --discriminator_lr in a fresh "
                "--workdir."
            )
        else:
            advice = (
                "The same command with --on_collapse=rollback goes on from the last "
                "healthy checkpoint; lower --generator_lr and --discriminator_lr need "
                "a fresh --workdir."
            )
        return (
            f"Training collapsed: {collapse}.\n"
            f"  Last healthy checkpoint: {kept}\n"
            f"  Best checkpoint: {best}\n"
            f"  {advice}"
        )


def _rate(optimizer: keras.optimizers.Optimizer) -> float:
    """The learning rate; a plain float() does not see through a mirrored variable."""
    return float(tf.convert_to_tensor(optimizer.learning_rate.value))


def _read(path: pathlib.Path) -> tuple[int, int]:
    try:
        record = json.loads(path.read_text())
        return int(record["rollbacks"]), int(record["skipped"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not hold the numbers 'rollbacks' and 'skipped'; put back a "
            "copy, or remove it to forget the rollbacks since the last checkpoint."
        ) from error
