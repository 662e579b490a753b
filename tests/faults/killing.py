"""Trains in a process of its own and stops it at random moments, mostly by a kill."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from tf_smallgan.training import checkpoint_files
from tf_smallgan.training.logs import read_metrics

ROOT = pathlib.Path(__file__).parents[2]
CHECKPOINT_EVERY_STEPS = 2
_NEVER = 10**6


class KilledRun:
    """One workdir, and the processes that train in it one after the other.

    After each kill it asserts that nothing was lost but the steps since the last
    checkpoint, and that whatever is named a checkpoint is a whole one.
    """

    def __init__(self, workdir: pathlib.Path, flags: tuple[str, ...], seed: int):
        self.workdir = workdir
        self.checkpoints = workdir / "checkpoints"
        self._flags = flags
        self._random = random.Random(seed)

    def kill_while_training(self) -> None:
        """Kills up to two seconds after the first step that the process logs."""
        self._kill(lambda: time.sleep(self._random.uniform(0, 2)))

    def kill_while_saving(self) -> None:
        """Kills as soon as a checkpoint is being written, or a moment later."""

        def wait():
            while not any(self.checkpoints.glob(".unfinished-*")):
                time.sleep(0.001)
            time.sleep(self._random.uniform(0, 0.2))

        self._kill(wait)

    def terminate(self) -> None:
        """Sends SIGTERM to a process that would save at its end only."""
        process = self._training(checkpoint_every=0)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate()
        assert process.returncode == 0, printed
        self._check_resumed(printed)
        assert f"SIGTERM: saved at step {self._newest()}" in printed, printed
        assert "Run the same command again" in printed
        assert self._newest() >= self._last_logged() > self._before

    def finish(self, more_steps: int) -> int:
        """Trains so many steps more, to the end; returns the last step."""
        last = self._newest() + more_steps
        printed, _ = self._start(last).communicate()
        self._check_resumed(printed)
        assert f"Finished at step {last}" in printed, printed
        return last

    def train_at_once(self, steps: int) -> None:
        """Trains without a kill."""
        printed, _ = self._start(steps).communicate()
        assert f"Finished at step {steps}" in printed, printed

    def _start(
        self, steps: int, checkpoint_every: int = CHECKPOINT_EVERY_STEPS
    ) -> subprocess.Popen[str]:
        self._before = self._newest()
        flags = [
            *("--flagfile=configs/smoke.cfg", f"--workdir={self.workdir}"),
            *(f"--train_steps={steps}", "--log_every_steps=1"),
            *("--sample_every_steps=0", *self._flags),
            f"--checkpoint_every_steps={checkpoint_every}",
        ]
        return subprocess.Popen(
            [sys.executable, "-m", "tf_smallgan.train", *flags],
            cwd=ROOT,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _training(self, **start: int) -> subprocess.Popen[str]:
        """A process that has logged a step of its own."""
        old = self._log_file()
        process = self._start(_NEVER, **start)
        # A start replaces the file: rows of the process before it do not count.
        while self._log_file() == old or self._last_logged() <= self._before:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        return process

    def _kill(self, wait: Callable[[], None]) -> None:
        process = self._training()
        wait()
        process.kill()
        printed, _ = process.communicate()
        self._check_resumed(printed)
        self._check_kept()

    def _check_resumed(self, printed: str) -> None:
        if self._before:
            assert f"Resumed from step {self._before}\n" in printed, printed
        assert "Warning" not in printed, printed

    def _check_kept(self) -> None:
        for step in checkpoint_files.steps_in(self.checkpoints):
            assert not checkpoint_files.damage(
                checkpoint_files.path_of(self.checkpoints, step)
            )
        # A step is logged before it is saved: the last one's may have been cut off.
        due = (self._last_logged() - 1) // CHECKPOINT_EVERY_STEPS
        assert self._newest() >= due * CHECKPOINT_EVERY_STEPS

    def _newest(self) -> int:
        return max(checkpoint_files.steps_in(self.checkpoints), default=0)

    def _log_file(self) -> int:
        """The number of the file that is being logged to."""
        path = self.workdir / "metrics.jsonl"
        return path.stat().st_ino if path.exists() else 0

    def _last_logged(self) -> int:
        rows = read_metrics(self.workdir / "metrics.jsonl")
        return rows[-1]["step"] if rows else 0
