"""Peak memory of a training step, whole, in microbatches and with recomputed blocks.

    python -m benchmarks.step_memory --flagfile=configs/imagenet64.cfg \\
        --channel_multiplier=16 --batch_size=64

Each way runs one step in a process of its own, so that peaks are its own.
"""

import subprocess
import sys

from benchmarks import measuring
from tf_smallgan import config as config_lib
from tf_smallgan.config import defaults

_WAYS = ((), ("--microbatches=4",), ("--remat",), ("--microbatches=4", "--remat"))


def _one(flags: list[str]) -> None:
    """Prints this process's peak memory before and after a step."""
    config = defaults.with_defaults(config_lib.parse(flags))
    step = measuring.build_step(config)
    before = measuring.peak_memory_mib()
    step()
    print(before, measuring.peak_memory_mib())


def main() -> None:
    """Prints a line a way."""
    flags = sys.argv[1:]
    if flags[:1] == ["one"]:
        _one(flags[1:])
        return
    print(measuring.machine())
    first = 0.0
    for way in _WAYS:
        command = [sys.executable, "-m", "benchmarks.step_memory", "one", *flags, *way]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        built, peak = (float(x) for x in result.stdout.split()[-2:])
        first = first or peak - built
        print(
            f"{' '.join(way) or 'whole':24} {peak:8,.0f} MiB, {peak - built:,.0f} more "
            f"than once built: {(peak - built) / first:.2f} of the whole's",
            flush=True,
        )


if __name__ == "__main__":
    main()
