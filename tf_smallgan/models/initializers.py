"""Orthogonal initialisation that stays fast for wide layers."""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_smallgan import randomness

_skips_work = False


def draw_seed() -> int:
    """A seed from the global one that `keras.utils.set_random_seed` sets."""
    return random.randint(1, 2**31 - 1)


@contextlib.contextmanager
def weights_follow() -> Iterator[None]:
    """Kernels start as zeros: for networks whose weights are about to be set."""
    global _skips_work
    before, _skips_work = _skips_work, True
    try:
        yield
    finally:
        _skips_work = before


@keras.saving.register_keras_serializable("tf_smallgan")
class Orthogonal(keras.initializers.Initializer):
    """Haar-distributed orthogonal matrices by Cholesky QR (BigGAN, section 3).

    A kernel [h, w, I, O] is flattened to [h*w*I, O]; its columns are orthonormal
    where there are no more columns than rows, else its rows are. The Q of a
    Gaussian matrix's QR decomposition with a positive diagonal of R is Haar
    distributed; here R is the Cholesky factor of A'A, so that the work is matrix
    products instead of Householder reflections: seconds instead of minutes for
    BigGAN's 1,536-wide layers. Tall matrices are well conditioned and stay in
    float32; the others take two passes in float64.

    Args:
      seed: integer, or None for one drawn from the global seed.
    """

    def __init__(self, seed: int | None = None):
        self.seed = draw_seed() if seed is None else seed

    def __call__(self, shape: Any, dtype: Any = None) -> tf.Tensor:
        dtype = dtype or "float32"
        if _skips_work:
            return tf.zeros(shape, dtype)
        rows, columns = int(np.prod(shape[:-1])), int(shape[-1])
        tall, wide = max(rows, columns), min(rows, columns)
        well_conditioned = tall >= 2 * wide
        gaussian = randomness.normal(
            [tall, wide],
            [self.seed, 0],
            tf.float32 if well_conditioned else tf.float64,
        )
        basis = _cholesky_q(gaussian)
        if not well_conditioned:
            basis = _cholesky_q(basis)
        if rows < columns:
            basis = tf.transpose(basis)
        return tf.cast(tf.reshape(basis, shape), dtype)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


def _cholesky_q(matrix: tf.Tensor) -> tf.Tensor:
    """The Q [M, N] of one Cholesky QR pass over a matrix [M, N]."""
    gram = tf.matmul(matrix, matrix, transpose_a=True)
    factor = tf.linalg.cholesky(gram)
    identity = tf.eye(factor.shape[0], dtype=factor.dtype)
    inverse = tf.linalg.triangular_solve(factor, identity)
    return tf.matmul(matrix, inverse, transpose_b=True)
