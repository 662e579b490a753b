"""The best checkpoint of a run, kept outside of the rotation."""

import json
import math
import pathlib
from collections.abc import Callable

from tf_smallgan.atomic import replacing
from tf_smallgan.errors import InputError
from tf_smallgan.training import checkpoint_files as files
from tf_smallgan.workdir import Workdir


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
        files.clear_unfinished(workdir.best)
        self._record = _read(workdir) if workdir.best_file.exists() else {}

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
        for old in files.steps_in(self._workdir.best):
            if old != step:
                files.remove(self._workdir.best, old)
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
        path = files.path_of(self._workdir.best, self._record["step"])
        return f"{path} ({self._record['metric']} {self._record['value']:.4g})"


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
    return int(_read(workdir)["step"])


def _read(workdir: Workdir) -> dict:
    try:
        record = json.loads(workdir.best_file.read_text())
        return record | {"step": int(record["step"])}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{workdir.best_file} does not name a step as {{'step': N}}; remove it, "
            "and use --step=last."
        ) from error


def _write(path: pathlib.Path, record: dict) -> None:
    try:
        with replacing(path) as partial:
            partial.write_text(json.dumps(record) + "\n")
    except OSError as error:
        raise InputError(f"{path} could not be written: {error}.") from error
