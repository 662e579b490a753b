"""The loop: what it refuses and how it is asked to stop."""

import os
import signal

import pytest

from tf_smallgan import config, running
from tf_smallgan.errors import InputError
from tf_smallgan.training.loop import StopRequest, _refuse_collapse


def test_losses_that_are_not_finite_stop_training_and_are_named():
    _refuse_collapse(5, {"discriminator_loss": 1.0, "generator_loss": -2.0})
    with pytest.raises(InputError, match="at step 5 generator_loss is not finite"):
        _refuse_collapse(5, {"discriminator_loss": 1.0, "generator_loss": float("nan")})


def test_a_signal_is_noted_and_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        assert not stop.name
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.name == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_flag_that_has_no_effect_yet_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not built yet"):
        running.train(config.parse([f"--workdir={tmp_path}", "--on_collapse=rollback"]))
