"""Seconds a step of each arm on a grid, measured in turns in one process."""

import functools
import pathlib

from experiments.common import turns
from experiments.common.arms import Arm
from experiments.common.results import ResultsTable, flag_values
from experiments.gaussian_grid import run, study
from experiments.gaussian_grid.flags import GaussianGridConfig
from experiments.gaussian_grid.mixtures import GaussianGrid

FILE = "gaussian_grid_time.csv"
STEPS, ROUNDS = 100, 7


def measure(
    config: GaussianGridConfig, arms: dict[str, Arm], folder: pathlib.Path
) -> None:
    """Times every arm in turns and writes the median of each, and over plain's."""
    import tensorflow as tf

    grid = GaussianGrid(config.gaussian_grid.modes[0])
    if "plain" not in arms:
        arms = {"plain": Arm()} | arms
    calls = {}
    for name, arm in arms.items():
        settings = arm.configure(config)
        compiled = run.compile_steps(
            run.build(settings, grid), settings, grid, arm.even
        )
        # Traced here: by calls, TensorFlow would warn that one function is traced anew
        # for each arm.
        steps = compiled.get_concrete_function(tf.TensorSpec([], tf.int64))
        steps(tf.constant(1, tf.int64))
        calls[name] = functools.partial(steps, tf.constant(STEPS, tf.int64))
    seconds = turns.take_turns(calls, ROUNDS)
    path = folder / FILE
    path.unlink(missing_ok=True)
    rows = [
        {
            "modes": grid.modes,
            "arm": name,
            **flag_values(config, study.SETTINGS),
            "milliseconds": round(1e3 * turns.median(seconds, name) / STEPS, 3),
            "over_plain": round(turns.median_ratio(seconds, name, "plain"), 3),
        }
        for name in calls
    ]
    ResultsTable(path, ("modes", "arm")).add(rows)
    for row in rows:
        print(f"{row['arm']}: {row['milliseconds']} ms, {row['over_plain']} of plain's")
