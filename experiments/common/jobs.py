"""Many runs of an experiment, some at a time, each kept as soon as it is done."""

import concurrent.futures
import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from experiments.common.fresh_process import in_fresh_process
from experiments.common.results import ResultsTable, Row, flag_values
from tf_smallgan import config as config_lib
from tf_smallgan.cli import quiet_import
from tf_smallgan.config import Config


@dataclasses.dataclass(frozen=True)
class ArmJob:
    """One run: an arm with a seed, on one subject of several.

    Attributes:
      config: the run's, but for its arm.
      subject: what is tried in turn, the name of a column.
      value: which one it is.
      settings: flags that tell runs apart too.
    """

    config: Config
    subject: str
    value: int
    arm: str
    seed: int
    settings: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.subject} {self.value}, {self.arm}, seed {self.seed}"

    @property
    def key(self) -> dict[str, Any]:
        """The columns that tell this run from others."""
        run = {self.subject: self.value, "arm": self.arm, "seed": self.seed}
        return run | flag_values(self.config, self.settings)


def arm_jobs(
    config: Config,
    subject: str,
    values: Sequence[int],
    arms: Iterable[str],
    seeds: int,
    settings: tuple[str, ...],
) -> list[ArmJob]:
    """Every run, seed by seed, so that a half-done study has all values and arms."""
    first, arms = config.run.seed, tuple(arms)
    return [
        ArmJob(
            config_lib.replace(config, seed=seed), subject, value, arm, seed, settings
        )
        for seed in range(first, first + seeds)
        for value in values
        for arm in arms
    ]


def run_all(
    one: Callable[[Any], list[Row]],
    jobs: Sequence[Any],
    processes: int,
    table: ResultsTable,
) -> None:
    """Runs jobs and adds the rows of each to the table as it ends.

    Args:
      one: a function of a module; a job to its rows.
      jobs: picklable, each with a `key`.
      processes: how many run at a time, each on its share of the cores; with 1 they
        run in this process on all cores.
      table: where rows go.

    Raises:
      InputError, RuntimeError: a run's process was killed, or failed (see
        `in_fresh_process`). No further run is begun.
    """
    started = time.monotonic()
    if processes == 1:
        for number, job in enumerate(jobs, 1):
            table.add(one(job))
            _say(number, len(jobs), job, started)
        return
    threads = max(1, (os.cpu_count() or 1) // processes)
    # Each run has a process of its own, as one would keep the graphs of all its runs,
    # and a thread that waits for it. `max_tasks_per_child` of one executor will not do:
    # in Python 3.11 it stops handing out runs when its processes end.
    waiting = concurrent.futures.ThreadPoolExecutor(processes)
    futures = {
        waiting.submit(in_fresh_process, _on_threads, str(job), one, job, threads): job
        for job in jobs
    }
    try:
        done = concurrent.futures.as_completed(futures)
        for number, future in enumerate(done, start=1):
            table.add(future.result())
            _say(number, len(jobs), futures[future], started)
    finally:
        waiting.shutdown(cancel_futures=True)


def _on_threads(one: Callable[[Any], list[Row]], job: Any, threads: int) -> list[Row]:
    with quiet_import():
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.list_physical_devices()
    return one(job)


def _say(number: int, total: int, job: Any, started: float) -> None:
    minutes = (time.monotonic() - started) / 60
    left = minutes / number * (total - number)
    times = f"{minutes:.1f} min, about {left:.0f} min left"
    print(f"{number} of {total} after {times}: {job}", flush=True)
