"""What core-sets cost in training: share of a step's time, and peak memory.

    python -m benchmarks.coreset_cost --flagfile=configs/mnist.cfg
    python -m benchmarks.coreset_cost --flagfile=configs/mnist.cfg \
      --coreset_method=k_center

Times all selections of one step (one of data for each D update, one of the prior for
each D update and for G's) beside the whole step, and runs a process each for the
peak memory of plain batch B, B with oversampling 8, and plain batch 8B.
"""

import json
import subprocess
import sys

import tensorflow as tf

from benchmarks import measuring
from tf_smallgan import config as config_lib
from tf_smallgan import coreset
from tf_smallgan.config import Config, defaults

_STEPS = 3


def selection_seconds(config: Config) -> float:
    """All selections of one step, summed."""
    training, chosen = config.training, config.coreset
    updates, batch = training.discriminator_steps, training.batch_size
    total = 0.0
    latent_dim = config.model.latent_dim
    assert latent_dim is not None
    for count, oversample, dimensions, method in (
        (updates, chosen.data_oversample, chosen.embedding_dim, chosen.coreset_method),
        (updates + 1, chosen.prior_oversample, latent_dim, chosen.prior_method),
    ):
        if oversample > 1:
            total += count * _one_selection(method, batch, oversample, dimensions)
    return total


def _one_selection(method: str, batch: int, oversample: int, dimensions: int) -> float:
    """One selection, on points that change from call to call."""
    sets = [
        tf.random.stateless_normal([batch * oversample, dimensions], [0, i])
        for i in range(50)
    ]
    remaining = iter(sets * 4)
    seed = tf.constant([0, 1])
    select = tf.function(
        lambda points: coreset.select(method, points, batch, seed), autograph=False
    )
    return measuring.median_seconds(lambda: select(next(remaining)), 100)


def peak_memory_mib(*flags: str) -> float:
    """Peak memory of a few steps in a process of its own."""
    script = (
        "import json, sys\n"
        "from benchmarks import measuring\n"
        "from tf_smallgan import config, settings\n"
        "c = defaults.with_defaults(config.parse(json.loads(sys.argv[1])))\n"
        "step = measuring.build_step(c)\n"
        f"for _ in range({_STEPS}): step()\n"
        "print(measuring.peak_memory_mib())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, json.dumps(flags)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout.split()[-1])


def main() -> None:
    """Prints both tables."""
    flags = sys.argv[1:]
    config = defaults.with_defaults(config_lib.parse(flags))
    print(measuring.machine())
    selections = selection_seconds(config)
    step = measuring.median_seconds(measuring.build_step(config), 7)
    print(
        f"selections {selections * 1e3:.2f} ms, step {step * 1e3:.1f} ms: "
        f"{selections / step:.2%}"
    )
    batch = config.training.batch_size
    plain = ("--prior_oversample=1", "--data_oversample=1")
    rows = {
        f"plain, batch {batch}": peak_memory_mib(*flags, *plain),
        f"core-sets 8x, batch {batch}": peak_memory_mib(
            *flags, "--prior_oversample=8", "--data_oversample=8"
        ),
        f"plain, batch {8 * batch}": peak_memory_mib(
            *flags, *plain, f"--batch_size={8 * batch}"
        ),
    }
    first = next(iter(rows.values()))
    for name, mib in rows.items():
        print(f"{name}: {mib:,.0f} MiB, {mib / first:.3f} times plain")


if __name__ == "__main__":
    main()
