"""What the benchmarks share: a training step on made images, and machine facts."""

import platform
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from experiments.common.made_step import make_step
from tf_smallgan.config import Config


def build_step(config: Config, fused: bool = True) -> Callable[[], dict[str, Any]]:
    """The training step of a completed config on one device, on a made batch."""
    step, batch = make_step(config, fused=fused)
    return lambda: step(batch)


def median_seconds(call: Callable[[], Any], repeats: int, warm_up: int = 2) -> float:
    """The median time of `call` over `repeats`, after `warm_up` calls."""
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2]


def machine() -> str:
    """The processor and the library versions, to print above results."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            lines = [
                x.split(":")[1].strip() for x in file if x.startswith("model name")
            ]
        model = f"{lines[0]}, {len(lines)} cores"
    except (OSError, IndexError):
        pass
    return f"{model}; TensorFlow {tf.__version__}"
