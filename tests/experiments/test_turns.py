"""Timing in turns, with a clock that tells what the calls take."""

import time

from experiments.common import turns


def test_a_ratio_is_of_the_same_round(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    order = []

    def call(name, lengths):
        each = iter(lengths)

        def take():
            order.append(name)
            now[0] += next(each)

        return take

    # The machine is ten times slower in the second round; b takes half more than a.
    calls = {"a": call("a", [1.0, 10.0, 1.0]), "b": call("b", [1.5, 15.0, 2.0])}
    seconds = turns.take_turns(calls, rounds=3)
    assert order == ["a", "b"] * 3
    assert seconds == {"a": [1.0, 10.0, 1.0], "b": [1.5, 15.0, 2.0]}
    assert turns.median(seconds, "b") == 2.0
    assert turns.median_ratio(seconds, "b", "a") == 1.5
