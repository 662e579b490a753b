"""What synchronising costs: one device, two logical devices, two processes.

    python -m benchmarks.scaling --flagfile=configs/digits.cfg

The global batch is the same in all three, and so is the work; two logical CPUs and
two processes share one machine's cores, so that a ratio above 1 is what splitting
the batch and reducing gradients and batch norm's moments costs. Each variant runs in
processes of its own, in turn, over several rounds; the first line counts what is
sent (tf_smallgan/communication.py).
"""

import json
import os
import socket
import subprocess
import sys

import tensorflow as tf

from benchmarks import measuring
from benchmarks.communication import count_communication
from experiments.common.made_step import made_batch
from tf_smallgan import config as config_lib
from tf_smallgan.config import Config, defaults
from tf_smallgan.distribution.cluster import cluster_of
from tf_smallgan.distribution.strategy import make_strategy
from tf_smallgan.training.monitor import make_prior
from tf_smallgan.training.state import build_state
from tf_smallgan.training.step import make_train_step

_ROUNDS, _STEPS = 3, 10
_VARIANTS = {
    "one device": ["--strategy=one_device"],
    "two logical devices": ["--strategy=mirrored", "--logical_cpus=2"],
    "two processes": ["--strategy=multi_worker"],
}


def step_seconds(config: Config, strategy: tf.distribute.Strategy) -> float:
    """The median time of a step on made data."""
    with strategy.scope():
        state = build_state(defaults.model_spec(config), config.training, seed=0)
    step = make_train_step(state, make_prior(config), config.training, strategy, False)
    part = config.training.batch_size // strategy.num_replicas_in_sync
    share = made_batch(config_lib.replace(config, batch_size=part))
    batch = strategy.experimental_distribute_values_from_function(lambda _: share)

    def synced_step() -> None:
        tf.nest.map_structure(lambda metric: metric.numpy(), step(batch))

    return measuring.median_seconds(synced_step, _STEPS)


def run_variant(name: str, flags: list[str]) -> float:
    """Seconds a step of a variant, in processes of its own."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scaling", *flags, *_VARIANTS[name]],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for environment in _environments(2 if name == "two processes" else 1)
    ]
    printed = [worker.communicate()[0] for worker in workers]
    return float(printed[0].split()[-1])


def _environments(workers: int) -> list[dict[str, str]]:
    """What tells each worker its place; only the first worker's time is read."""
    if workers == 1:
        return [{_CHILD: "1"}]
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(workers)]
    hosts = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    tasks = [{"type": "worker", "index": index} for index in range(workers)]
    return [
        {
            _CHILD: "1",
            "TF_CONFIG": json.dumps({"cluster": {"worker": hosts}, "task": task}),
        }
        for task in tasks
    ]


_CHILD = "SCALING_BENCHMARK_CHILD"


def main() -> None:
    """Prints the table, or in a child one time."""
    flags = sys.argv[1:]
    config = defaults.with_defaults(config_lib.parse(flags))
    if _CHILD in os.environ:
        strategy = make_strategy(config.run)
        with cluster_of(strategy).together():
            print(step_seconds(config, strategy))
        return
    print(measuring.machine())
    spec = defaults.model_spec(config)
    sent = count_communication(spec, config.training.discriminator_steps)
    print(
        f"a step reduces {sent.gradient_bytes / 2**20:,.2f} MiB of gradients and "
        f"{sent.statistics_bytes / 2**10:,.1f} KiB of batch norm's moments, the latter "
        f"in {sent.statistics_reductions} reductions; a replica of 2 sends "
        f"{sent.sent_bytes(2) / 2**20:,.2f} MiB, of 8 {sent.sent_bytes(8) / 2**20:,.2f}"
    )
    seconds: dict[str, list[float]] = {name: [] for name in _VARIANTS}
    for _ in range(_ROUNDS):
        for name, found in seconds.items():
            found.append(run_variant(name, flags))
    plain = sorted(seconds["one device"])[_ROUNDS // 2]
    for name, found in seconds.items():
        middle = sorted(found)[_ROUNDS // 2]
        rounds = ", ".join(f"{x * 1e3:,.0f}" for x in found)
        print(f"{name}: {middle * 1e3:,.0f} ms ({rounds}), {middle / plain:.2f} times")


if __name__ == "__main__":
    main()
