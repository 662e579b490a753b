"""Runs a function of chunks on all replicas; results come back in order.

What a chunk gives depends on the chunk alone, so that the number of replicas
changes the speed and not the result.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

Chunk = tuple[np.ndarray, ...]


class OnReplicas:
    """`function` of tensors, compiled and given to each replica in turn.

    Args:
      function: tensors of one chunk to a (nested) tuple of tensors.
      strategy: whose replicas; one device where it is None.
      shared: whether several workers bring the same chunks. Each then works on its
        replicas' part of them, and all get all results; all must call together. If
        not, each worker brings chunks of its own and meets nobody.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        strategy: tf.distribute.Strategy | None = None,
        *,
        shared: bool,
    ):
        graph = tf.function(function)
        self._strategy = None if _is_plain(strategy) else strategy
        self._gathers = shared and _has_workers(strategy)
        self._replicas, self._run = 1, graph
        if self._strategy is not None:
            self._replicas = local_count(self._strategy)
            run = self._strategy.run
            self._run = tf.function(lambda *values: run(graph, args=values))
        if self._strategy is not None and self._gathers:
            self._replicas = self._strategy.num_replicas_in_sync
            self._run = tf.function(
                lambda *values: run(lambda *v: _gathered(graph(*v)), args=values)
            )

    def __call__(self, chunks: Iterable[Chunk]) -> Iterator[Any]:
        """Results of `chunks`, all of the same shapes, as NumPy arrays."""
        group: list[Chunk] = []
        for chunk in chunks:
            group.append(chunk)
            if len(group) == self._replicas:
                yield from self._run_group(group)
                group = []
        if group:
            missing = self._replicas - len(group)
            yield from self._run_group(group + group[-1:] * missing)[: len(group)]

    def _run_group(self, group: list[Chunk]) -> list[Any]:
        if self._strategy is None:
            results = [self._run(*map(tf.constant, group[0]))]
        else:
            results = self._split(
                self._run(*(self._distribute(parts) for parts in zip(*group)))
            )
        return [tf.nest.map_structure(lambda x: x.numpy(), r) for r in results]

    def _distribute(self, parts: tuple[np.ndarray, ...]) -> Any:
        assert self._strategy is not None
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                parts[context.replica_id_in_sync_group % self._replicas]
            )
        )

    def _split(self, results: Any) -> list[Any]:
        """One nest a replica out of a nest of values of all replicas."""
        assert self._strategy is not None
        local = [
            self._strategy.experimental_local_results(x)
            for x in tf.nest.flatten(results)
        ]
        if self._gathers:  # Each replica holds all.
            local = [tf.unstack(values[0]) for values in local]
        return [tf.nest.pack_sequence_as(results, values) for values in zip(*local)]


def local_count(strategy: tf.distribute.Strategy | None) -> int:
    """How many of the strategy's replicas this worker feeds."""
    return 1 if strategy is None else len(strategy.extended.worker_devices)


def _is_plain(strategy: tf.distribute.Strategy | None) -> bool:
    """Whether a plain call does the same."""
    one_device = tf.distribute.OneDeviceStrategy
    return strategy is None or isinstance(strategy, one_device)


def _has_workers(strategy: tf.distribute.Strategy | None) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _gathered(results: Any) -> Any:
    """Each tensor [...] of a replica as [R, ...] of all of them."""
    context = tf.distribute.get_replica_context()

    def gather(x: tf.Tensor) -> tf.Tensor:
        if x.dtype != tf.uint8:
            return context.all_gather(x[None], axis=0)
        # Collectives know no uint8; float16 holds its values exactly.
        return tf.cast(context.all_gather(tf.cast(x, tf.float16)[None], 0), tf.uint8)

    return tf.nest.map_structure(gather, results)


def padded(values: np.ndarray, size: int) -> np.ndarray:
    """Repeats the last row up to `size` rows, so that one graph serves all."""
    missing = size - len(values)
    return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])
