"""Orthogonal initialisation."""

import keras
import numpy as np
import pytest

from tf_smallgan.models.initializers import Orthogonal, weights_follow


@pytest.mark.parametrize("shape", [(3, 3, 8, 16), (12, 12), (4, 20), (1, 1, 32, 8)])
def test_columns_or_rows_are_orthonormal(shape):
    basis = Orthogonal(seed=3)(shape).numpy().reshape(-1, shape[-1])
    rows, columns = basis.shape
    gram = basis.T @ basis if columns <= rows else basis @ basis.T
    np.testing.assert_allclose(gram, np.eye(min(rows, columns)), atol=2e-6)


def test_is_the_q_of_a_qr_decomposition_with_positive_diagonal():
    import tensorflow as tf

    gaussian = tf.random.stateless_normal([9, 3], [7, 0]).numpy()
    q, r = np.linalg.qr(gaussian.astype(np.float64))
    expected = q * np.sign(np.diag(r))
    np.testing.assert_allclose(Orthogonal(seed=7)((9, 3)), expected, atol=1e-5)


def test_global_seed_decides_and_layers_differ():
    def draw():
        keras.utils.set_random_seed(5)
        return [Orthogonal()((4, 4)).numpy() for _ in range(2)]

    first, second = draw(), draw()
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first[0], first[1])


def test_weights_follow_skips_the_work_and_ends():
    with weights_follow():
        assert not np.any(Orthogonal(seed=1)((3, 3)))
    assert np.any(Orthogonal(seed=1)((3, 3)))
