"""Orthogonal regularisation by hand numbers."""

import numpy as np
import tensorflow as tf

from tf_smallgan.models import biggan
from tf_smallgan.models.spectral_norm import kernels_of
from tf_smallgan.training.regularizers import (
    orthogonal_penalty,
    orthogonal_regularization,
    regularized_kernels,
)


def test_penalty_by_hand():
    # W'W = [[1, 2], [2, 5]]: off the diagonal 2 and 2.
    np.testing.assert_allclose(orthogonal_penalty(tf.constant([[1.0, 2], [0, 1]])), 8)


def test_orthogonal_columns_of_any_norm_cost_nothing():
    weight = tf.constant([[3.0, 0], [0, 7], [0, 0]])
    np.testing.assert_allclose(orthogonal_penalty(weight), 0)


def test_gradient_is_the_papers_update():
    """2 beta W (W'W o (1 - I)), twice for the square's symmetry."""
    weight = tf.constant(np.random.default_rng(0).normal(size=(3, 3, 2, 4)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(weight)
        penalty = orthogonal_penalty(weight)
    matrix = weight.numpy().reshape(-1, 4)
    gram = matrix.T @ matrix
    expected = 4 * matrix @ (gram * (1 - np.eye(4)))
    np.testing.assert_allclose(
        tape.gradient(penalty, weight).numpy().reshape(-1, 4), expected, rtol=1e-4
    )


def test_class_embedding_is_left_out():
    generator = biggan.Generator(32, num_classes=5, channel_multiplier=2, latent_dim=8)
    kept = regularized_kernels(generator)
    assert generator.embedding.weight not in kept
    assert len(kept) == len(kernels_of(generator)) - 1
    before = orthogonal_regularization(generator, 0.1)
    generator.embedding.weight.kernel.assign_add(
        tf.ones_like(generator.embedding.weight.kernel)
    )
    np.testing.assert_allclose(orthogonal_regularization(generator, 0.1), before)
