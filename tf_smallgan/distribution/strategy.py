"""Chooses the tf.distribute strategy and says what was chosen."""

import contextlib
import functools
import os
from collections.abc import Iterator

import keras
import tensorflow as tf

from tf_smallgan.config.flags import RunFlags
from tf_smallgan.distribution.cluster import place_in_cluster, tf_config
from tf_smallgan.errors import InputError


def make_strategy(run: RunFlags) -> tf.distribute.Strategy:
    """Sets up devices and determinism, then makes the strategy of `run`.

    Must come before TensorFlow touches a device.

    Raises:
      InputError: the strategy needs what is not there.
    """
    # The remapper fails on residual sums that feed both a pooling and a ReLU, with
    # an error message at every start; the rest of graph optimisation is kept.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    if run.deterministic:
        keras.utils.set_random_seed(run.seed)
        tf.config.experimental.enable_op_determinism()
    if run.logical_cpus > 1:
        _split_cpu(run.logical_cpus)
    return _MAKERS[resolved(run)](run)


def planned_replicas(run: RunFlags) -> int:
    """How many replicas `make_strategy` would give; a TPU or cluster is not asked.

    A plan must not depend on machines that are not there: a worker of a cluster
    counts as one replica, a TPU as one.
    """
    name = resolved(run)
    gpus = len(tf.config.list_physical_devices("GPU"))
    if name == "mirrored":
        return len(_mirrored_devices(run))
    if name == "multi_worker":
        return place_in_cluster()[1] * max(gpus, 1)
    return 1


def describe(strategy: tf.distribute.Strategy) -> str:
    """`strategy mirrored, 2 replicas`."""
    names = {
        tf.distribute.OneDeviceStrategy: "one_device",
        tf.distribute.MultiWorkerMirroredStrategy: "multi_worker",
        tf.distribute.MirroredStrategy: "mirrored",
        tf.distribute.TPUStrategy: "tpu",
    }
    name = next(n for kind, n in names.items() if isinstance(strategy, kind))
    count = strategy.num_replicas_in_sync
    return f"strategy {name}, {count} replica{'s' if count > 1 else ''}"


def local_replicas(strategy: tf.distribute.Strategy, pipeline: int) -> range:
    """Global numbers of the replicas that input pipeline `pipeline` feeds."""
    total = strategy.num_replicas_in_sync
    pipelines = getattr(strategy.extended, "_num_workers", 1)
    if isinstance(strategy, tf.distribute.TPUStrategy):
        pipelines = strategy.extended.num_hosts
    share = total // pipelines
    return range(pipeline * share, (pipeline + 1) * share)


def compiles_step(strategy: tf.distribute.Strategy) -> bool:
    """Whether each replica's step is compiled with XLA.

    A TPU always is; a single GPU gains by it; on CPU XLA's convolutions are slower
    than plain ones.
    """
    single_gpu = isinstance(strategy, tf.distribute.OneDeviceStrategy) and bool(
        tf.config.list_logical_devices("GPU")
    )
    return single_gpu


def _split_cpu(count: int) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    wanted = [tf.config.LogicalDeviceConfiguration()] * count
    try:
        tf.config.set_logical_device_configuration(cpu, wanted)
    except RuntimeError as error:
        have = len(tf.config.list_logical_devices("CPU"))
        if have < count:
            raise InputError(
                f"--logical_cpus={count} comes too late: TensorFlow already runs on "
                f"{have} CPU device(s)."
            ) from error


def resolved(run: RunFlags) -> str:
    """What `auto` means here."""
    if run.strategy != "auto":
        return run.strategy
    if "cluster" in tf_config():
        return "multi_worker"
    if os.environ.get("TPU_NAME") or run.tpu:
        return "tpu"
    gpus = len(tf.config.list_physical_devices("GPU"))
    return "mirrored" if gpus > 1 or run.logical_cpus > 1 else "one_device"


def _one_device(run: RunFlags) -> tf.distribute.Strategy:
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    return tf.distribute.OneDeviceStrategy("GPU:0" if has_gpu else "CPU:0")


def _mirrored(run: RunFlags) -> tf.distribute.Strategy:
    return _mirrored_over(_mirrored_devices(run))


def _mirrored_devices(run: RunFlags) -> tuple[str, ...]:
    """Parts of the CPU where they are asked for, else all GPUs, else the CPU."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    if run.logical_cpus > 1 or not gpus:
        return tuple(f"CPU:{i}" for i in range(run.logical_cpus))
    return tuple(f"GPU:{i}" for i in range(gpus))


@functools.cache
def _mirrored_over(devices: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    """One strategy a process for the same devices.

    TensorFlow numbers each strategy's collectives from the start, and keeps what it
    knows of them for the life of the process: the collectives of a second strategy
    over the same devices are taken for those of the first, and fail on their shapes.
    """
    return tf.distribute.MirroredStrategy(list(devices))


def _multi_worker(run: RunFlags) -> tf.distribute.Strategy:
    if "cluster" not in tf_config():
        raise InputError(
            "--strategy=multi_worker needs the environment variable TF_CONFIG with "
            'the cluster and this task, for example {"cluster": {"worker": '
            '["host1:12345", "host2:12345"]}, "task": {"type": "worker", "index": 0}}; '
            "--strategy=auto runs on this machine alone."
        )
    worker, workers = place_in_cluster()
    print(f"worker {worker} of {workers}; waiting for the others", flush=True)
    return tf.distribute.MultiWorkerMirroredStrategy()


def _tpu(run: RunFlags) -> tf.distribute.Strategy:
    name = run.tpu or os.environ.get("TPU_NAME") or "local"
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    # A name is looked up by Google's client over a network; either may be missing.
    except (
        ValueError,
        OSError,
        RuntimeError,
        ImportError,
        tf.errors.OpError,
    ) as error:
        raise InputError(
            f"There is no TPU named '{name}' ({error}). Give its name or address with "
            "--tpu= or the environment variable TPU_NAME, and install tensorflow-tpu "
            "on the TPU's host (docs/scaling.md)."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


_MAKERS = {
    "one_device": _one_device,
    "mirrored": _mirrored,
    "multi_worker": _multi_worker,
    "tpu": _tpu,
}


@contextlib.contextmanager
def whole_float32() -> Iterator[None]:
    """Keeps GPUs from rounding the factors of float32 products to ten bits (TF32).

    Within it, or in a function that it decorates. Training may have them rounded,
    which is faster; images that are compared with an export's, and features that are
    compared with another program's, may not.
    """
    options = tf.config.experimental
    before = options.tensor_float_32_execution_enabled()
    options.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        options.enable_tensor_float_32_execution(before)
