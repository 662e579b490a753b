"""The loop: what it refuses and how it is asked to stop."""

import os
import signal
import types
from unittest import mock

import pytest

from tf_smallgan.training import logs
from tf_smallgan.training.loop import Actions, Intervals, Loop, StopRequest


def test_a_signal_is_noted_and_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        assert not stop.agreed() and not stop.name
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.agreed() and stop.name == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_workers_signal_stops_this_one():
    with StopRequest(lambda own: max(own, signal.SIGTERM)) as stop:
        assert stop.agreed() and stop.name == "SIGTERM"


def _loop(train_step, report, evaluate, metrics_file):
    """Eight steps, logged at every second, scored after the fourth."""
    step = mock.Mock(**{"numpy.return_value": 0})
    return Loop(
        state=mock.Mock(step=step),
        train_step=train_step,
        open_input=lambda: iter(range(8)),
        checkpoints=mock.Mock(),
        best=mock.Mock(**{"offer.return_value": False}),
        watch=mock.Mock(suspect=False),
        recovery=mock.Mock(),
        metrics_file=metrics_file,
        board=mock.Mock(),
        actions=Actions(
            sample=mock.Mock(),
            evaluate=evaluate,
            observe=mock.Mock(),
            report=report,
            was_diverse=mock.Mock(),
            before_save=mock.Mock(),
        ),
        intervals=Intervals(checkpoint=0, log=2, sample=0, evaluate=4),
        batch_size=8,
        last_step=8,
        agree=lambda number: number,
    )


def test_images_per_second_are_of_steps_alone(tmp_path, monkeypatch):
    """Not of logging or scoring, nor of the step after them, which compiles."""
    now = [0.0]
    clock = types.SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(logs, "time", clock)
    seconds = iter([100.0, 1.0, 2.0, 4.0, 70.0, 4.0, 4.0, 4.0])

    def train_step(batch):
        now[0] += next(seconds)
        return {"discriminator_loss": 0.0, "generator_loss": 0.0}

    def report(step):
        now[0] += 50.0
        return {}

    def evaluate(step):
        now[0] += 500.0
        return {"distance": 1.0}

    file = logs.MetricsFile(tmp_path / "metrics.jsonl", 0)
    assert _loop(train_step, report, evaluate, file).run()
    rows = [row for row in logs.read_metrics(file.path) if "distance" not in row]
    rates = [row["images_per_second"] for row in rows]
    assert rates == pytest.approx([8 / 1, 16 / 6, 8 / 4, 16 / 8])


def test_scores_are_logged_after_the_best_is_kept(tmp_path):
    """So that a kill in between is seen: a step without a row is scored again."""
    file = logs.MetricsFile(tmp_path / "metrics.jsonl", 0)
    loop = _loop(mock.Mock(), mock.Mock(), lambda step: {"distance": 1.0}, file)
    loop.best.offer.side_effect = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        loop.catch_up()
    assert not logs.read_metrics(file.path)
    loop.best.offer.side_effect = [False]
    loop.catch_up()
    assert logs.read_metrics(file.path) == [{"step": 0, "distance": 1.0}]


def test_nothing_is_rotated_away_while_the_state_looks_sick(tmp_path):
    def train_step(batch):
        return {"discriminator_loss": 0.0, "generator_loss": 0.0}

    file = logs.MetricsFile(tmp_path / "metrics.jsonl", 0)
    loop = _loop(train_step, lambda step: {}, lambda step: {}, file)
    loop.intervals = Intervals(checkpoint=0, log=2, sample=0, evaluate=0)
    loop.watch.suspect = True
    loop.run()
    # Once, beside what is saved at the end for a look.
    assert loop.checkpoints.rotate.call_count == 1
    loop.watch.suspect = False
    loop.state.step.numpy.return_value = 0
    loop.run()
    assert loop.checkpoints.rotate.call_count > 2


def test_workers_come_together_before_anything_is_saved(tmp_path):
    order = mock.Mock()
    file = logs.MetricsFile(tmp_path / "metrics.jsonl", 0)
    losses = {"discriminator_loss": 0.0, "generator_loss": 0.0}
    loop = _loop(lambda batch: losses, lambda step: {}, lambda step: {}, file)
    loop.intervals = Intervals(checkpoint=4, log=0, sample=0, evaluate=8)
    for name, part in (
        ("join", loop.actions.before_save),
        ("save", loop.checkpoints.save),
        ("best", loop.best.offer),
    ):
        order.attach_mock(part, name)
    loop.run()
    called = [call[0] for call in order.mock_calls]
    assert called == ["join", "save", "join", "save", "join", "best"]
