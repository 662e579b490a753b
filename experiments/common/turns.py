"""Timing several things in turns: a ratio is of the same minutes for all of them."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Seconds = dict[str, list[float]]
"""By name, of each round."""


def take_turns(calls: Mapping[str, Callable[[], Any]], rounds: int) -> Seconds:
    """Seconds of each call in each round; a call returns when its work is done."""
    seconds: Seconds = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def median(seconds: Seconds, name: str) -> float:
    """The median over rounds."""
    return float(np.median(seconds[name]))


def median_ratio(seconds: Seconds, name: str, base: str) -> float:
    """The median over rounds of each round's ratio.

    What disturbs a round disturbs all of it.
    """
    return float(np.median(np.array(seconds[name]) / np.array(seconds[base])))
