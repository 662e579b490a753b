"""A run that was stopped between two of its writes."""

import json

import pytest

from tests.commands import run_here
from tf_smallgan import train
from tf_smallgan.models import classifier
from tf_smallgan.training.logs import read_metrics

FLAGS = (
    *("--flagfile=configs/smoke.cfg", "--train_steps=2", "--eval_every_steps=2"),
    *("--eval_samples=40", "--standing_batches=1", "--data_oversample=1"),
    *("--sample_every_steps=0", "--checkpoint_every_steps=0"),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_MIN_STEPS", "_MAX_STEPS"):  # A good classifier is not the point.
            patch.setattr(classifier, name, 20)
        run_here(train, *FLAGS, f"--workdir={folder}")
    return folder


def test_a_step_that_was_saved_and_not_scored_is_scored(finished, capsys):
    log, best = finished / "metrics.jsonl", finished / "best.json"
    before, record = read_metrics(log), json.loads(best.read_text())
    # As a kill while it was scored leaves it.
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    best.unlink()
    capsys.readouterr()
    run_here(train, *FLAGS, f"--workdir={finished}")
    printed = capsys.readouterr().out
    assert "Step 2 was saved and not scored: now it is." in printed
    assert "Finished: step 2 of 2 is reached." in printed
    row, again = before[-1], read_metrics(log)[-1]
    assert row.keys() == again.keys() and len(read_metrics(log)) == len(before)
    # Restored weights are those that were saved.
    distance = record["metric"]
    assert again[distance] == pytest.approx(row[distance], rel=1e-4)
    assert json.loads(best.read_text())["step"] == 2


def test_a_run_that_is_over_does_nothing(finished, capsys):
    rows = read_metrics(finished / "metrics.jsonl")
    boards = sorted((finished / "tensorboard").iterdir())
    run_here(train, *FLAGS, f"--workdir={finished}")
    assert "not scored" not in capsys.readouterr().out
    assert read_metrics(finished / "metrics.jsonl") == rows
    assert sorted((finished / "tensorboard").iterdir()) == boards
