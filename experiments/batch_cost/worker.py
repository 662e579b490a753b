"""One measurement of `experiments.batch_cost`, made in a process of its own."""

import dataclasses
import time
from typing import Any

import numpy as np
import tensorflow as tf

from experiments.common.fresh_process import peak_memory_mib
from tf_smallgan import config as config_lib
from tf_smallgan.config import Config, defaults
from tf_smallgan.data.dataset import TrainingData, prepare
from tf_smallgan.distribution import strategy as strategies
from tf_smallgan.trainer import distributed_batches
from tf_smallgan.training.monitor import make_prior
from tf_smallgan.training.state import build_state
from tf_smallgan.training.step import make_train_step

# The first call traces; after a few more the input's buffers are full.
WARM_UP = 3


def fill_cache(config: Config, folder: str) -> None:
    """Embeds all images, whatever the config's own oversampling is.

    Args:
      config: the data set and its embedder.
      folder: gets the cache, unless --cache_dir names another.

    Raises:
      InputError: as `preparation.prepare`.
    """
    prepare(config_lib.replace(config, workdir=folder, data_oversample=2), _silent)


def measure(config: Config, folder: str, updates: int) -> dict[str, Any]:
    """Trains a little, and says what it took.

    Args:
      config: of the run.
      folder: the one that `fill_cache` filled.
      updates: training steps to time, after some that are not timed.

    Returns:
      seconds: of all timed steps together.
      cpu_seconds: the same, summed over threads: what else runs adds less to it.
      peak_mib: the most memory that this process held, all in all.
      added_mib: the same, less what it had held before there were networks.
      start_seconds: from opening the data to the first timed step.

    Raises:
      InputError: flags and data do not fit.
    """
    start = time.perf_counter()
    config = config_lib.replace(config, workdir=folder)
    strategy = strategies.make_strategy(config.run)
    data = repeated(prepare(config, _silent, strategy), _large_batch(config))
    before = peak_memory_mib()
    step = _make_step(data.config, strategy)
    batches = iter(distributed_batches(data.config, data, strategy, first_step=0))
    _train(step, batches, WARM_UP)
    warm, cpu = time.perf_counter(), time.process_time()
    _train(step, batches, updates)
    seconds, peak = time.perf_counter() - warm, peak_memory_mib()
    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_mib": round(peak, 1),
        "added_mib": round(peak - before, 1),
        "start_seconds": round(warm - start, 1),
    }


def _make_step(config: Config, strategy: tf.distribute.Strategy) -> Any:
    with strategy.scope():
        spec = defaults.model_spec(config)
        state = build_state(spec, config.training, config.run.seed)
    compiled = strategies.compiles_step(strategy)
    return make_train_step(
        state, make_prior(config), config.training, strategy, jit_compile=compiled
    )


def _train(step: Any, batches: Any, count: int) -> None:
    """Runs steps; returns when the last one is done."""
    for _ in range(count):
        metrics = step(next(batches))
    tf.nest.map_structure(lambda value: value.numpy(), metrics)


def _large_batch(config: Config) -> int:
    return config.training.batch_size * config.coreset.data_oversample


def repeated(data: TrainingData, least: int) -> TrainingData:
    """`data`, its images offered several times over where there are less than `least`.

    A large batch must not be larger than the data set. Costs do not depend on what
    the images show: a step on copies costs what one on a larger data set costs.
    """
    count = data.table.num_images
    times = -(-least // count)
    if times == 1:
        return data
    read, embeddings = data.read, data.embeddings
    return dataclasses.replace(
        data,
        read=lambda number: read(number % count),
        table=dataclasses.replace(data.table, labels=np.tile(data.table.labels, times)),
        embeddings=None if embeddings is None else np.tile(embeddings, (times, 1)),
    )


def _silent(line: str) -> None:
    """The parent speaks."""
