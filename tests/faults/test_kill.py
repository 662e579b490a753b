"""A run that is stopped at any moment reaches its last step and has lost nothing."""

import os

import pytest

from tests.checkpoint_values import assert_same_variables
from tests.commands import QUICK_START
from tests.faults.killing import KilledRun
from tf_smallgan.training import checkpoint_files
from tf_smallgan.training.logs import read_metrics


def _assert_whole(run: KilledRun, last: int) -> None:
    """Every step is logged once, and only what is kept lies there."""
    steps = [row["step"] for row in read_metrics(run.workdir / "metrics.jsonl")]
    assert steps == list(range(1, last + 1))
    kept = checkpoint_files.steps_in(run.checkpoints)
    assert kept[-1] == last
    assert len(kept) == 3
    assert len(list(run.checkpoints.iterdir())) == 2 * len(kept)


def test_a_kill_and_a_signal(tmp_path):
    run = KilledRun(tmp_path, QUICK_START, seed=0)
    run.kill_while_saving()
    run.terminate()
    _assert_whole(run, run.finish(more_steps=7))


@pytest.mark.slow
def test_many_kills_and_every_bit_is_that_of_a_run_without(tmp_path):
    run = KilledRun(tmp_path / "killed", ("--deterministic",), seed=1)
    for number in range(int(os.environ.get("KILLS", 20))):
        if number % 2:
            run.kill_while_training()
        else:
            run.kill_while_saving()
    last = run.finish(more_steps=7)
    _assert_whole(run, last)
    whole = KilledRun(tmp_path / "whole", ("--deterministic",), seed=1)
    whole.train_at_once(last)
    assert_same_variables(whole.workdir, run.workdir, last)
