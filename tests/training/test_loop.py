"""The loop: what it refuses and how it is asked to stop."""

import os
import signal

from tf_smallgan.training.loop import StopRequest


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
