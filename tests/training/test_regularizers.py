"""Orthogonal regularisation by hand numbers."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.models import baselines, biggan
from tf_smallgan.models.batch_norm import ConditionalBatchNormRelu
from tf_smallgan.models.spectral_norm import kernels_of
from tf_smallgan.training.losses import (
    orthogonal_penalty,
    orthogonal_regularization,
    regularized_weights,
)


def test_penalty_by_hand():
    # W'W = [[1, 2], [2, 5]]: off the diagonal 2 and 2.
    np.testing.assert_allclose(orthogonal_penalty(tf.constant([[1.0, 2], [0, 1]])), 8)


def test_orthogonal_columns_of_any_norm_cost_nothing():
    weight = tf.constant([[3.0, 0], [0, 7], [0, 0]])
    np.testing.assert_allclose(orthogonal_penalty(weight), 0)


@pytest.mark.parametrize("shape", [(3, 3, 2, 4), (3, 11), (7, 7)])
def test_penalty_and_gradient_by_the_equation(shape):
    """2 beta W (W'W o (1 - I)), twice for the square's symmetry, wide or tall."""
    weight = tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(weight)
        penalty = orthogonal_penalty(weight)
    matrix = weight.numpy().astype(np.float64).reshape(-1, shape[-1])
    off_diagonal = matrix.T @ matrix * (1 - np.eye(shape[-1]))
    np.testing.assert_allclose(penalty, np.square(off_diagonal).sum(), rtol=1e-5)
    gradient = tape.gradient(penalty, weight).numpy().reshape(matrix.shape)
    np.testing.assert_allclose(gradient, 4 * matrix @ off_diagonal, rtol=1e-4)


def test_class_embedding_is_left_out():
    generator = biggan.Generator(32, num_classes=5, channel_multiplier=2, latent_dim=8)
    assert len(regularized_weights(generator)) == len(kernels_of(generator)) - 1
    before = orthogonal_regularization(generator, 0.1)
    generator.embedding.weight.kernel.assign_add(
        tf.ones_like(generator.embedding.weight.kernel)
    )
    np.testing.assert_allclose(orthogonal_regularization(generator, 0.1), before)


@pytest.mark.parametrize(
    "network", [baselines.SaganGenerator, baselines.SnganGenerator]
)
def test_tables_of_gains_a_class_are_left_out(network):
    generator = network(32, num_classes=5, channel_multiplier=2)
    tables = [
        dense.weight
        for norm in generator._flatten_layers()
        if isinstance(norm, ConditionalBatchNormRelu)
        for dense in (norm.gain, norm.bias)
    ]
    assert tables
    kept = regularized_weights(generator)
    assert len(kept) == len(kernels_of(generator)) - len(tables)
    before = orthogonal_regularization(generator, 0.1)
    for table in tables:
        table.kernel.assign_add(tf.ones_like(table.kernel))
    np.testing.assert_allclose(orthogonal_regularization(generator, 0.1), before)


def test_only_the_rows_of_classes_are_left_out_of_mixed_kernels():
    generator = biggan.Generator(
        32, num_classes=5, channel_multiplier=2, latent_dim=8, shared_embedding=False
    )
    kernel = generator.blocks[0].norm1.gain.weight.kernel
    assert kernel.shape[0] == 5 + 2  # Classes, then a quarter of the latent.
    before = orthogonal_regularization(generator, 0.1)
    kernel.assign(tf.tensor_scatter_nd_add(kernel, [[4]], tf.ones([1, 8])))
    np.testing.assert_allclose(orthogonal_regularization(generator, 0.1), before)
    kernel.assign(tf.tensor_scatter_nd_add(kernel, [[5]], tf.ones([1, 8])))
    assert orthogonal_regularization(generator, 0.1) > before
