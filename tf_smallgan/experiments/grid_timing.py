"""Seconds a step of each arm on a grid, measured in turns in one process."""

import pathlib
import time

import numpy as np

from tf_smallgan.config import Config
from tf_smallgan.experiments import gaussian_grid, grid_run
from tf_smallgan.experiments.arms import Arm
from tf_smallgan.experiments.mixtures import GaussianGrid
from tf_smallgan.experiments.results import ResultsTable, flag_values

FILE = "gaussian_grid_time.csv"
STEPS, ROUNDS = 100, 7


def measure(config: Config, arms: dict[str, Arm], folder: pathlib.Path) -> None:
    """Times every arm in turns and writes the median of each, and over plain's.

    The ratio is the median over rounds of each round's ratio, since what disturbs a
    round disturbs all of it.
    """
    import tensorflow as tf

    assert config.gaussian_grid is not None
    grid = GaussianGrid(config.gaussian_grid.modes[0])
    if "plain" not in arms:
        arms = {"plain": Arm()} | arms
    steps = {}
    for name, arm in arms.items():
        settings = arm.configure(config)
        steps[name] = grid_run.compile_steps(
            grid_run.build(settings, grid), settings, grid
        )
        steps[name](tf.constant(1, tf.int64))
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, run in steps.items():
            start = time.perf_counter()
            run(tf.constant(STEPS, tf.int64))
            seconds[name].append((time.perf_counter() - start) / STEPS)
    path = folder / FILE
    path.unlink(missing_ok=True)
    plain = np.array(seconds["plain"])
    rows = [
        {
            "modes": grid.modes,
            "arm": name,
            **flag_values(config, gaussian_grid.SETTINGS),
            "milliseconds": round(1e3 * float(np.median(each)), 3),
            "over_plain": round(float(np.median(np.array(each) / plain)), 3),
        }
        for name, each in seconds.items()
    ]
    ResultsTable(path, ("modes", "arm")).add(rows)
    for row in rows:
        print(f"{row['arm']}: {row['milliseconds']} ms, {row['over_plain']} of plain's")
