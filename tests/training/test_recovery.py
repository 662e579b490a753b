"""What follows a collapse: back to the last healthy state, or a report and the end."""

import itertools
import json

import numpy as np
import pytest
import tensorflow as tf

from tests.training.test_step import SPEC, _training
from tf_smallgan import config as config_lib
from tf_smallgan import trainer
from tf_smallgan.errors import InputError
from tf_smallgan.training.checkpoints import BestCheckpoint, Checkpoints
from tf_smallgan.training.collapse import Collapse, HealthWatch
from tf_smallgan.training.logs import read_metrics
from tf_smallgan.training.monitor import spectrum_reader
from tf_smallgan.training.recovery import Collapsed, Recovery
from tf_smallgan.training.state import build_state
from tf_smallgan.workdir import Workdir

NAN_AT, HUGE_AT, LAST = 5, 9, 10


class _Faults:
    """Breaks training at two draws: a NaN in an image, then a huge learning rate."""

    def __init__(self, monkeypatch):
        self.drawn: list[int] = []
        self.state = None
        self._batches = trainer.distributed_batches
        self._build_state = trainer.build_state
        monkeypatch.setattr(trainer, "distributed_batches", self.batches)
        monkeypatch.setattr(trainer, "build_state", self.build_state)

    def build_state(self, *arguments):
        self.state = self._build_state(*arguments)
        return self.state

    def batches(self, config, data, strategy, first_step):
        batches = self._batches(config, data, strategy, first_step)
        for position, batch in zip(itertools.count(first_step), batches):
            self.drawn.append(position)
            if position == NAN_AT:
                images = batch["image"].numpy()
                images[0, 3, 7, 7, 0] = np.nan
                batch = batch | {"image": tf.constant(images)}
            if position == HUGE_AT:
                self.state.generator_optimizer.learning_rate = 1e25
            yield batch


def test_a_nan_and_a_huge_learning_rate_are_rolled_back_and_training_ends_well(
    tmp_path, monkeypatch, capsys
):
    faults = _Faults(monkeypatch)
    flags = [
        *("--flagfile=configs/smoke.cfg", "--strategy=one_device"),
        *(f"--workdir={tmp_path}", f"--train_steps={LAST}", "--log_every_steps=2"),
        *("--checkpoint_every_steps=4", "--sample_every_steps=0"),
        *("--on_collapse=rollback", "--max_rollbacks=2"),
        *("--discriminator_steps=1", "--architecture=sngan"),  # Less to trace.
    ]
    trainer.train(config_lib.parse(flags))
    printed = capsys.readouterr().out
    # Draw 5 is that of step 6, which is logged: back to step 4, on with draw 6.
    # Draw 9 is that of step 8, whose update G does not survive. Nothing of that step
    # shows it, and step 8 is to be saved: its weights are looked at first.
    assert "at step 6 (seen at step 6) the real images are not finite" in printed
    assert "Rollback 1 to step 4, learning rates halved to 0.0001" in printed
    assert "at step 8 (seen at step 8) the generator's weights are not" in printed
    assert "Rollback 2 to step 4, learning rates halved to 5e-05" in printed
    assert f"Finished at step {LAST}" in printed
    assert faults.drawn == sorted(set(faults.drawn)), "no draw is used twice"
    rows = read_metrics(tmp_path / "metrics.jsonl")
    events = [row for row in rows if "rollback" in row]
    assert [row["rollback"] for row in events] == [1, 2]
    assert events[0]["step"] == 4
    assert events[0]["collapsed_at_step"] == 6
    logged = [row["step"] for row in rows if "diversity" in row]
    assert logged == [2, 4, 6, 8, 10]
    assert int(faults.state.rollbacks) == 2
    assert float(faults.state.generator_optimizer.learning_rate) == pytest.approx(5e-5)


@pytest.fixture(scope="module")
def state():
    return build_state(SPEC, _training(), seed=0)


def _recovery(path, state, roll_back=True, most=3):
    workdir = Workdir(str(path))
    checkpoints = Checkpoints(workdir.checkpoints, state, keep=3)
    best = BestCheckpoint(workdir, checkpoints.save_to, deciding=min)
    return Recovery(workdir, state, checkpoints, best, roll_back, most)


def _start(state, step):
    state.step.assign(step)
    state.rollbacks.assign(0)
    state.skipped.assign(0)
    state.generator_optimizer.learning_rate = 0.8


def test_a_kill_after_a_rollback_forgets_nothing(tmp_path, state):
    _start(state, 10)
    recovery = _recovery(tmp_path, state)
    recovery.checkpoints.save()
    for step in (15, 12):
        state.step.assign(step)
        recovery.after(Collapse(step, step, "it broke"))
    # Draws 0 to 14 were used, then 15 and 16: step 10 goes on with draw 17.
    assert (int(state.step), state.position()) == (10, 17)
    _start(state, 0)
    again = _recovery(tmp_path, state)
    assert again.checkpoints.restore() == 10
    again.prepare()
    assert (int(state.rollbacks), state.position()) == (2, 17)
    assert float(state.generator_optimizer.learning_rate) == pytest.approx(0.2)
    again.checkpoints.save()
    again.checkpoints.restore()
    again.prepare()
    assert float(state.generator_optimizer.learning_rate) == pytest.approx(0.2)


def test_the_report_names_what_is_healthy_and_what_to_do(tmp_path, state):
    _start(state, 10)
    collapse = Collapse(12, 15, "the generator's loss or gradients are not finite")
    stopping = _recovery(tmp_path, state, roll_back=False)
    stopping.best.offer(10, {"fid_1k": 3.5})
    with pytest.raises(Collapsed, match="Last healthy checkpoint: none") as report:
        stopping.after(collapse)
    # With that flag the run would start again, as there is nothing to go back to.
    assert "--on_collapse=rollback" not in str(report.value)
    assert "start in a fresh --workdir" in str(report.value)
    with pytest.raises(InputError, match="the best checkpoint of step 10, but none"):
        stopping.prepare()
    stopping.checkpoints.save()
    with pytest.raises(Collapsed) as report:
        stopping.after(collapse)
    for part in (
        "at step 12 (seen at step 15) the generator's loss",
        f"Last healthy checkpoint: {tmp_path}/checkpoints/step-10",
        f"Best checkpoint: {tmp_path}/best/step-10 (fid_1k 3.5)",
        "--on_collapse=rollback",
    ):
        assert part in str(report.value)
    patient = _recovery(tmp_path, state, most=1)
    patient.after(collapse)
    with pytest.raises(Collapsed, match="went back 1 times, and --max_rollbacks=1"):
        patient.after(collapse)
    assert json.loads((tmp_path / "rollbacks.json").read_text())["rollbacks"] == 1


def test_a_run_without_checkpoints_starts_afresh(tmp_path, state):
    _start(state, 0)
    (tmp_path / "rollbacks.json").write_text('{"rollbacks": 2, "skipped": 5}')
    recovery = _recovery(tmp_path, state)
    recovery.prepare()
    assert not (tmp_path / "rollbacks.json").exists()
    assert recovery.checkpoints.newest() == 0
    assert int(state.rollbacks) == 0


def test_two_replicas_go_back_together_and_a_sick_weight_is_named(
    tmp_path, two_replicas
):
    with two_replicas.scope():
        state = build_state(SPEC, _training(), seed=0)
    _start(state, 10)
    recovery = _recovery(tmp_path, state)
    recovery.checkpoints.save()
    weight = state.generator.first.weight.kernel
    expected = weight.numpy()
    weight.assign(weight * np.float32(1e25))
    networks = {"discriminator": state.discriminator, "generator": state.generator}
    with pytest.raises(Collapse, match="at step 15.*the generator's weights") as found:
        HealthWatch().check_state(15, networks)
    state.step.assign(15)
    recovery.after(found.value)
    assert state.position() == 15
    for replica in range(2):
        rate = state.generator_optimizer.learning_rate.value.values[replica]
        assert float(rate) == pytest.approx(0.4)
        np.testing.assert_array_equal(weight.value.values[replica], expected)
    HealthWatch().check_state(10, networks)
    values = spectrum_reader(networks)()
    np.testing.assert_allclose(
        values["spectral/generator/first"],
        float(state.generator.first.weight.sigma(training=False)),
        rtol=1e-5,
    )
