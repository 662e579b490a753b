"""The workers of a run: which one is chief, where they meet, what one's loss means.

Every worker runs the same program; only the chief, worker 0, writes the workdir and
speaks. Workers meet in collectives, each of which waits for all: whatever a worker
does alone, such as writing, must hold none.
"""

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.workdir import Workdir


@dataclasses.dataclass(frozen=True)
class Cluster:
    """This process's place among the workers; alone where nothing is given.

    Attributes:
      worker: this one's number; 0 is the chief.
      workers: how many there are.
      strategy: whose replicas the workers' meetings run on; None for one worker.
    """

    worker: int = 0
    workers: int = 1
    strategy: tf.distribute.Strategy | None = None

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes and speaks."""
        return self.worker == 0

    def gather(self, values: np.ndarray) -> np.ndarray:
        """The values [n] int64 of all workers, [R, n], a row a replica."""
        values = np.asarray(values, np.int64)
        return values[None] if self.workers == 1 else self._gather(values).numpy()

    @functools.cached_property
    def _gather(self) -> Callable[[np.ndarray], tf.Tensor]:
        strategy = self.strategy
        assert strategy is not None

        def replica(values: tf.Tensor) -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            return context.all_gather(values[None], axis=0)

        @tf.function(autograph=False)
        def gather(values: tf.Tensor) -> tf.Tensor:
            rows = strategy.run(replica, args=(values,))
            return strategy.experimental_local_results(rows)[0]

        return lambda values: gather(tf.constant(values))

    def maximum(self, value: int) -> int:
        """The largest of all workers' values."""
        return int(self.gather(np.array([value])).max())

    def of_chief(self, values: Sequence[float]) -> list[float]:
        """The chief's values of what rounding may make another on other workers.

        What workers decide alone must follow from the same numbers, where what is
        decided brings them together.
        """
        bits = np.asarray(values, np.float64).view(np.int64)
        return self.gather(bits)[0].view(np.float64).tolist()

    def meet(self) -> None:
        """Waits for all workers."""
        self.maximum(0)

    @contextlib.contextmanager
    def chief_first(self) -> Iterator[None]:
        """The chief runs the block; the others run it when the chief is through."""
        if not self.is_chief:
            self.meet()
        yield
        if self.is_chief:
            self.meet()

    def check_same(self, value: int, what: str) -> None:
        """Refuses workers that do not see the same files.

        Args:
          value: the same on all workers that do; fits into 63 bits.
          what: the flag's folder and what of it differs, for the message.

        Raises:
          InputError: on all workers, where two values differ.
        """
        if len(set(self.gather(np.array([value])).ravel())) > 1:
            raise InputError(
                f"The {self.workers} workers do not find the same in {what}: "
                f"worker {self.worker} has {value}. Put it on a file system that all "
                "workers share, at the same path."
            )

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """All workers run the block, only the chief speaks, and none leaves early.

        Where a worker is lost, the others say so in a sentence and exit with 3.
        TensorFlow notices within about ten seconds, by heartbeats, and aborts the
        collectives that wait for the lost one.
        """
        try:
            with self._quiet_unless_chief():
                yield
                # The chief may still be writing its last.
                self.meet()
        except tf.errors.OpError as error:
            if self.workers == 1 or not _is_loss(error.message):
                raise
            print(_lost(self, error.message), file=sys.stderr)
            self._leave(LOST_WORKER_EXIT)
        if self.workers > 1:
            # Who leaves takes his end of the meeting above along: the others must
            # be through with it. All are through here, whatever this one gives.
            with contextlib.suppress(tf.errors.OpError):
                self.meet()
            self._leave(0)

    def _leave(self, code: int) -> None:
        """Ends the process; a proper exit waits a minute for workers that are gone."""
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    @contextlib.contextmanager
    def _quiet_unless_chief(self) -> Iterator[None]:
        """Drops what other workers than the chief print; stderr stays."""
        if self.is_chief:
            yield
            return
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            yield

    @contextlib.contextmanager
    def own_workdir(self, workdir: Workdir) -> Iterator[Workdir]:
        """Where this worker writes: `workdir` itself, or a folder that is dropped.

        TensorFlow wants every worker to save. The others' folder starts with links
        to the chief's checkpoints and records, so that all go on from the same.
        """
        if self.is_chief:
            yield workdir
            return
        with tempfile.TemporaryDirectory(prefix="worker-") as folder:
            own = Workdir(folder)
            _link_files(workdir.checkpoints, own.checkpoints)
            _link_files(workdir.best, own.best)
            # What has been rolled back and what was best decide alike everywhere.
            for name in (workdir.rollbacks.name, workdir.best_file.name):
                if (workdir.path / name).exists():
                    (own.path / name).symlink_to((workdir.path / name).resolve())
            yield own


LOST_WORKER_EXIT = 3

# What TensorFlow says in place of an exception of its own.
_SIGNS_OF_LOSS = (
    "stopped sending heartbeats",
    "Collective ops is aborted",
    "CoordinationServiceError",
    "Coordination service",
    "failed to connect to all addresses",
    "Socket closed",
    "Connection reset by peer",
)


def _is_loss(message: str) -> bool:
    return any(sign in message for sign in _SIGNS_OF_LOSS)


def _lost(cluster: Cluster, message: str) -> str:
    """The sentence of a worker that lost others."""
    task = tf_config()["task"]
    own = task["type"], str(task["index"])
    named = re.findall(r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)", message)
    lost = sorted({" ".join(place) for place in named if place != own})
    return (
        f"worker {cluster.worker} of {cluster.workers} stops: it lost "
        f"{' and '.join(lost) or 'another worker'}, which ended or cannot be reached. "
        "Run the same command on all workers again: they go on from the last "
        "checkpoint."
    )


def _link_files(source: pathlib.Path, target: pathlib.Path) -> None:
    target.mkdir()
    for path in source.glob("*") if source.is_dir() else ():
        if path.is_file():
            (target / path.name).symlink_to(path.resolve())


def cluster_of(strategy: tf.distribute.Strategy) -> Cluster:
    """This process's place in the cluster that `strategy` spans."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return Cluster()
    worker, workers = place_in_cluster()
    return Cluster(worker, workers, strategy)


def place_in_cluster() -> tuple[int, int]:
    """(this worker's number, how many there are) by TF_CONFIG; (0, 1) without it.

    Raises:
      InputError: TF_CONFIG is no JSON or lacks this task.
    """
    config = tf_config()
    if not config.get("cluster"):
        return 0, 1
    cluster, task = config["cluster"], config.get("task", {})
    jobs = [job for job in ("chief", "worker") for _ in cluster.get(job, [])]
    job, index = task.get("type"), task.get("index")
    if job not in jobs or index not in range(jobs.count(job)):
        raise InputError(
            f"TF_CONFIG's task {json.dumps(task)} is none of the cluster's chief and "
            f'workers; give for example "task": {{"type": "worker", "index": 0}}.'
        )
    return jobs.index(job) + index, len(jobs)


def tf_config() -> dict[str, Any]:
    """The environment variable TF_CONFIG, {} where it is not set.

    Raises:
      InputError: it is no JSON.
    """
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"The environment variable TF_CONFIG is no JSON ({error}): {text[:200]}"
        ) from error
