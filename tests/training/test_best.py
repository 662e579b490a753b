"""The best checkpoint: which it is, and that it can always be found."""

import json
import pathlib

import pytest
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.training import checkpoints
from tf_smallgan.training.checkpoint_files import best_step, checkpoint_path
from tf_smallgan.training.checkpoints import BestCheckpoint
from tf_smallgan.workdir import Workdir


class _Run:
    """A run whose checkpoints hold one number, the step."""

    def __init__(self, path):

        self.workdir = Workdir(str(path))
        self.step = tf.Variable(0)
        self.checkpoint = tf.train.Checkpoint(step=self.step)

    def save_to(self, folder: pathlib.Path) -> str:
        return checkpoints.write(self.checkpoint, folder, int(self.step.numpy()))

    def best(self) -> BestCheckpoint:
        return BestCheckpoint(self.workdir, self.save_to, deciding=min)

    def offer(self, best: BestCheckpoint, step: int, **scores: float) -> bool:
        self.step.assign(step)
        return best.offer(step, scores)


@pytest.fixture
def run(tmp_path):
    return _Run(tmp_path)


def test_the_least_is_kept_across_a_resume(run):
    best = run.best()
    assert run.offer(best, 10, fid=9.0)
    assert not run.offer(best, 20, fid=9.0)
    assert not run.offer(best, 30, fid=float("nan"))
    assert run.offer(best, 40, fid=8.0)
    resumed = run.best()
    assert not run.offer(resumed, 50, fid=8.5)
    assert best_step(run.workdir) == 40
    assert checkpoints.steps_in(run.workdir.best) == [40]
    path = checkpoint_path(run.workdir, "best")
    assert path == str(run.workdir.best / "step-40")
    assert resumed.describe() == f"{path} (fid 8)"
    record = json.loads(run.workdir.best_file.read_text())
    assert record == {"step": 40, "metric": "fid", "value": 8.0, "setting": ""}


def test_another_metric_starts_anew(run):
    best = run.best()
    assert run.offer(best, 10, fid=9.0)
    assert run.offer(best, 20, distance=100.0)
    assert best_step(run.workdir) == 20


def test_another_setting_starts_anew(run):
    def best(setting):
        return BestCheckpoint(run.workdir, run.save_to, min, setting)

    assert run.offer(best("hub"), 10, fid=9.0)
    assert not run.offer(best("hub"), 20, fid=10.0)
    assert run.offer(best("scale"), 30, fid=10.0)
    assert best_step(run.workdir) == 30
    # Early records do not tell it, and count.
    record = json.loads(run.workdir.best_file.read_text())
    del record["setting"]
    run.workdir.best_file.write_text(json.dumps(record))
    assert not run.offer(best("hub"), 40, fid=10.0)
    assert run.offer(best("hub"), 50, fid=9.5)


def test_a_kill_before_the_name_is_written_leaves_the_old_best(run, monkeypatch):
    best = run.best()
    run.offer(best, 10, fid=9.0)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tf_smallgan.training.checkpoints._write", killed)
    with pytest.raises(KeyboardInterrupt):
        run.offer(best, 20, fid=1.0)
    assert checkpoint_path(run.workdir, "best").endswith("best/step-10")


def test_a_run_that_starts_afresh_has_none_and_removes_none(run):
    best = run.best()
    best.refuse_any()
    run.offer(best, 10, fid=9.0)
    with pytest.raises(InputError, match="the best checkpoint of step 10, but none"):
        best.refuse_any()
    with pytest.raises(InputError, match="the best checkpoint of step 10, but none"):
        run.best().refuse_any()
    assert checkpoint_path(run.workdir, "best").endswith("best/step-10")


def test_the_best_is_found_by_its_number_too(run):
    run.offer(run.best(), 10, fid=9.0)
    assert checkpoint_path(run.workdir, "10").endswith("best/step-10")
    run.step.assign(10)
    run.save_to(run.workdir.checkpoints)
    assert checkpoint_path(run.workdir, "10").endswith("checkpoints/step-10")
    with pytest.raises(InputError, match="--step=11 is not a kept checkpoint"):
        checkpoint_path(run.workdir, "11")


def test_what_best_json_may_say(run):
    run.step.assign(7)
    run.save_to(run.workdir.checkpoints)
    file = run.workdir.best_file
    file.write_text(json.dumps({"step": 7}))
    assert checkpoint_path(run.workdir, "best").endswith("checkpoints/step-7")
    file.write_text(json.dumps({"step": 3}))
    with pytest.raises(InputError, match="its checkpoint is gone"):
        checkpoint_path(run.workdir, "best")
    file.write_text("{")
    with pytest.raises(InputError, match="does not name a step"):
        checkpoint_path(run.workdir, "best")
    with pytest.raises(InputError, match="does not name a step"):
        run.best()
