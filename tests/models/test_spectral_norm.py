"""Spectral norm by hand numbers and against numpy's singular values."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.models.spectral_norm import Kernel, kernels_of, power_iteration


def test_one_power_iteration_by_hand():
    # W = diag(2, 1), u = (1, 1)/sqrt 2: W u ~ (2, 1), W'W u ~ (4, 1).
    matrix = tf.constant([[2.0, 0.0], [0.0, 1.0]])
    start = tf.constant([1.0, 1.0]) / np.sqrt(2.0)
    sigma, right = power_iteration(matrix, start)
    np.testing.assert_allclose(right, np.array([4.0, 1.0]) / np.sqrt(17), rtol=1e-6)
    # v'Wu with v = (2, 1)/sqrt 5: (4, 1).(4, 1) / sqrt(5 * 17).
    np.testing.assert_allclose(sigma, 17 / np.sqrt(85), rtol=1e-6)


@pytest.mark.parametrize("shape", [(7, 5), (3, 3, 4, 6), (1, 1, 9, 2), (5, 1)])
def test_converges_to_the_largest_singular_value(shape):
    kernel = Kernel(shape, initializer="random_normal")
    kernel.converge()
    matrix = kernel.kernel.numpy().reshape(-1, shape[-1])
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    np.testing.assert_allclose(kernel.sigma(training=False), largest, rtol=1e-5)
    normalized = kernel.normalized(training=False).numpy().reshape(-1, shape[-1])
    np.testing.assert_allclose(np.linalg.norm(normalized, 2), 1.0, rtol=1e-5)


def test_converges_where_the_second_value_is_close():
    kernel = Kernel((3, 3), initializer="random_normal")
    kernel.kernel.assign(np.diag([1.0, 0.98, 0.5]).astype(np.float32))
    kernel.right.assign(np.array([0.1, 0.99, 0.1], np.float32))
    kernel.converge()
    # 20 iterations leave 0.981.
    np.testing.assert_allclose(kernel.sigma(training=False), 1, rtol=1e-5)


@pytest.mark.parametrize("size", [3, 500, 2000])
@pytest.mark.parametrize("second", [0.5, 0.8, 0.95])
def test_converges_from_the_second_vector(size, second):
    values = np.linspace(0.5, 0.1, size).astype(np.float32)
    values[:2] = 1.0, second
    kernel = Kernel((size, size), initializer="random_normal")
    kernel.kernel.assign(np.diag(values))
    kernel.right.assign(np.eye(size, dtype=np.float32)[1])
    kernel.converge()
    np.testing.assert_allclose(kernel.sigma(training=False), 1, rtol=1e-5)


def test_raw_weight_stays_raw_and_only_training_iterates():
    kernel = Kernel((4, 3), initializer="random_normal")
    raw, right = kernel.kernel.numpy(), kernel.right.numpy()
    kernel(training=False)
    np.testing.assert_array_equal(kernel.right.numpy(), right)
    kernel(training=True)
    assert not np.allclose(kernel.right.numpy(), right)
    np.testing.assert_array_equal(kernel.kernel.numpy(), raw)


def test_gradient_flows_through_sigma():
    """d/dW sum(G * W / sigma), sigma = v'Wu with v and u held constant."""
    kernel = Kernel((5, 4), initializer="random_normal")
    for _ in range(300):
        kernel(training=True)
    upstream = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(upstream * kernel.normalized(training=False))
    gradient = tape.gradient(loss, kernel.kernel.value).numpy()
    matrix = kernel.kernel.numpy()
    left, values, right = np.linalg.svd(matrix)
    sigma, outer = values[0], np.outer(left[:, 0], right[0])
    expected = upstream / sigma - np.sum(upstream * matrix) / sigma**2 * outer
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


def test_kernels_of_finds_each_once():
    class Pair(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = Kernel((2, 2)), Kernel((2, 2), spectral=False)

    pair = Pair()
    assert kernels_of(pair) == [pair.first, pair.second]
