"""How long scoring takes and how much memory, once features are there.

    python -m benchmarks.evaluation
    python -m benchmarks.evaluation --num_samples=10000 --dimensions=2048

Scores random features of as many samples as real images, with every metric that
`evaluate` prints. It must take less than 60 s and 2 GB on 2 cores with 10,000 samples
of Inception's 2,048 dimensions.
"""

import time
from collections.abc import Sequence

import numpy as np
from absl import app, flags

from benchmarks.stopwatch import peak_memory_mib
from tf_smallgan.evaluation import evaluator
from tf_smallgan.evaluation.features import Collected, FeatureSpace
from tf_smallgan.evaluation.frechet import Moments
from tf_smallgan.evaluation.reference import Reference

MOST_SECONDS, MOST_BYTES = 60.0, 2e9
_CHUNK = 64
_LOGITS = 1008


def features_like(count: int, dimensions: int, seed: int) -> np.ndarray:
    """[count, D] float32, non-negative, with a falling spectrum."""
    rng = np.random.default_rng(seed)
    spread = np.logspace(0, -2, dimensions, dtype=np.float32)
    values = rng.standard_normal((count, dimensions), np.float32)
    values *= spread[np.random.default_rng(0).permutation(dimensions)]
    return np.maximum(values + 0.02 * seed, 0, out=values)


def streamed(features: np.ndarray) -> Moments:
    """Moments as `evaluate` gathers them, a batch at a time."""
    moments = Moments.empty(features.shape[1])
    for start in range(0, len(features), _CHUNK):
        moments.append(features[start : start + _CHUNK])
    return moments


def measure(num_samples: int, dimensions: int, num_classes: int) -> dict[str, float]:
    """Seconds of each stage, and the metrics are printed."""
    real = features_like(num_samples, dimensions, 1)
    fake = features_like(num_samples, dimensions, 2)
    labels = (np.arange(num_samples) % num_classes).astype(np.int32)
    rng = np.random.default_rng(3)
    logits = rng.standard_normal((num_samples, _LOGITS), np.float32)
    seconds = {}
    start = time.perf_counter()
    moments = [streamed(real), streamed(fake)]
    seconds["accumulating, both sides"] = time.perf_counter() - start
    space = FeatureSpace("inception", dimensions, "random", "", lambda images: images)
    reference = Reference(
        moments[0].gaussian(), num_samples, real, labels, np.arange(num_samples), {}, ""
    )
    start = time.perf_counter()
    found = evaluator.score(
        space, reference, Collected(moments[1], fake, logits, labels), num_classes
    )
    seconds["scoring"] = time.perf_counter() - start
    for name, value in found.values.items():
        print(f"  {name:40} {value:.6g}")
    return seconds


def main() -> None:
    """The command; its flags exist only once it runs."""
    samples = flags.DEFINE_integer("num_samples", 10_000, "Samples, and reals.", 20)
    dimensions = flags.DEFINE_integer("dimensions", 2048, "Of a feature.", 1)
    classes = flags.DEFINE_integer("num_classes", 10, "Classes.", 1)

    def command(_: Sequence[str]) -> None:
        seconds = measure(samples.value, dimensions.value, classes.value)
        total = sum(seconds.values())
        peak_bytes = peak_memory_mib() * 2**20
        for stage, value in seconds.items():
            print(f"{stage:28} {value:6.1f} s")
        print(f"total {total:.1f} s, must be below {MOST_SECONDS:.0f} s")
        print(
            f"peak memory {peak_bytes / 1e9:.2f} GB, TensorFlow included, must be "
            f"below {MOST_BYTES / 1e9:.0f} GB"
        )
        if total > MOST_SECONDS or peak_bytes > MOST_BYTES:
            raise SystemExit(1)

    app.run(command)


if __name__ == "__main__":
    main()
