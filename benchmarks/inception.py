"""How fast the Inception network is, and what the preprocessing around it costs.

    python -m benchmarks.inception
    python -m benchmarks.inception --inception_weights=inception.npz --batch_size=32

Prints images/s of the network alone and of preprocessing + network, and their ratio,
which must be at least 0.85. The two are timed in turns, so that other work on the
machine hits both alike. Weights are random unless a file is given: speed is the same.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from absl import app, flags

from tf_smallgan.models.inception import (
    InceptionFeatures,
    load_inception,
    preprocess,
    random_weights,
)

MIN_RATIO = 0.85


def seconds(function: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> float:
    """Wall time of one call, its result included."""
    start = time.perf_counter()
    function(images).numpy()
    return time.perf_counter() - start


def measure(
    extractor: InceptionFeatures, images: tf.Tensor, rounds: int
) -> tuple[float, float]:
    """Images/s of the network alone, and of preprocessing + network.

    Args:
        extractor: the network.
        images: [B, H, W, C] uint8.
        rounds: how often each is timed; the median counts.

    Returns:
        The two rates.
    """
    network = tf.function(lambda inputs: extractor.network(inputs, training=False))
    inputs = preprocess(images)
    seconds(network, inputs), seconds(extractor.features, images)
    alone, whole = [], []
    for _ in range(rounds):
        alone.append(seconds(network, inputs))
        whole.append(seconds(extractor.features, images))
    count = images.shape[0]
    return count / statistics.median(alone), count / statistics.median(whole)


def main() -> None:
    """The command; its flags exist only once it runs."""
    weights = flags.DEFINE_string("inception_weights", None, "A converted file.")
    batch_size = flags.DEFINE_integer("batch_size", 16, "Images a batch.", 1)
    resolution = flags.DEFINE_integer("resolution", 128, "Pixels of a side.", 1)
    rounds = flags.DEFINE_integer("rounds", 7, "How often each is timed.", 1)

    def command(_: Sequence[str]) -> None:
        extractor = (
            load_inception(weights.value)
            if weights.value
            else InceptionFeatures(random_weights(seed=0), "random")
        )
        shape = (batch_size.value, resolution.value, resolution.value, 3)
        images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        alone, whole = measure(extractor, tf.constant(images), rounds.value)
        ratio = whole / alone
        print(f"{os.cpu_count()} CPUs, batch {shape[0]}, from {shape[1]} px")
        print(f"network alone            {alone:7.2f} images/s")
        print(f"preprocessing + network  {whole:7.2f} images/s")
        print(f"ratio {ratio:.3f}, must be at least {MIN_RATIO}")
        if ratio < MIN_RATIO:
            raise SystemExit(1)

    app.run(command)


if __name__ == "__main__":
    main()
