"""Kernel distance (Binkowski et al. 2018), called KID on Inception features.

    E k(x, x') + E k(y, y') - 2 E k(x, y),   k(x, y) = (x'y / D + 1)^3

Unlike the Frechet distance it is unbiased: its mean does not depend on how many
samples there are.
"""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.training.gan_library import tfgan

BLOCK_SIZE = 1000


class KernelDistance(NamedTuple):
    """An estimate and the standard error of that estimate; NaN from one block."""

    value: float
    standard_error: float


def kernel_distance(
    first: np.ndarray, second: np.ndarray, block_size: int = BLOCK_SIZE
) -> KernelDistance:
    """tensorflow-gan's block estimate in float64.

    Args:
      first, second: features [N, D] and [M, D], each in random order: they are cut
        into blocks, and the estimate is the mean over the blocks.
      block_size: points a block at most. Below 4 blocks of it, smaller ones are
        used, since a standard error needs several.

    Raises:
      InputError: fewer than two points on a side.
    """
    fewest = min(len(first), len(second))
    if fewest < 2:
        raise InputError(
            "A kernel distance needs at least 2 points a side; there are "
            f"{len(first)} and {len(second)}."
        )
    # Every block needs two points of the smaller side.
    blocks = min(max(4, -(-max(len(first), len(second)) // block_size)), fewest // 2)
    pairs = zip(np.array_split(first, blocks), np.array_split(second, blocks))
    with _no_advice():
        values = np.array([_block_distance(x, y) for x, y in pairs])
    error = values.std(ddof=1) / np.sqrt(blocks) if blocks > 1 else np.nan
    return KernelDistance(float(values.mean()), float(error))


def _block_distance(first: np.ndarray, second: np.ndarray) -> float:
    """The unbiased estimate from all pairs of one block.

    A block at a time, since tensorflow-gan copies all that it is given to float64.
    """
    value = tfgan.eval.kernel_classifier_distance_from_activations(
        tf.convert_to_tensor(first.astype(np.float64)),
        tf.convert_to_tensor(second.astype(np.float64)),
        max_block_size=max(len(first), len(second)),
    )
    return float(value)


@contextlib.contextmanager
def _no_advice() -> Iterator[None]:
    """tensorflow-gan passes an argument that TensorFlow advises its author against."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)
