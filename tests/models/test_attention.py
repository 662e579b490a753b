"""Self-attention against a loop over positions."""

import numpy as np
import tensorflow as tf

from tf_smallgan.models.attention import SelfAttention, attend


def test_starts_as_the_identity():
    images = tf.random.stateless_normal([2, 4, 4, 16], [0, 0])
    np.testing.assert_array_equal(SelfAttention(16)(images), images)


def test_equals_the_equation_position_by_position():
    layer = SelfAttention(16)
    layer.gamma.assign(0.7)
    images = tf.random.stateless_normal([1, 4, 4, 16], [0, 1])

    def kernel(part):
        return part.weight.normalized(False).numpy()[0, 0]

    x = images.numpy()[0]
    theta, phi = x @ kernel(layer.theta), _pool(x @ kernel(layer.phi))
    values = _pool(x @ kernel(layer.g)).reshape(4, -1)
    expected = np.empty_like(x)
    for i in range(4):
        for j in range(4):
            logits = phi.reshape(4, -1) @ theta[i, j]
            share = np.exp(logits) / np.exp(logits).sum()
            expected[i, j] = 0.7 * (share @ values) @ kernel(layer.out) + x[i, j]
    np.testing.assert_allclose(layer(images)[0], expected, rtol=1e-4, atol=1e-5)


def _pool(x):
    """2x2 max pooling of [4, 4, C]."""
    return x.reshape(2, 2, 2, 2, -1).max((1, 3))


def _plainly(query, key, value):
    return tf.matmul(tf.nn.softmax(tf.matmul(query, key, transpose_b=True)), value)


def _operands():
    shapes = ([2, 6, 3], [2, 4, 3], [2, 4, 5])
    return [tf.random.stateless_normal(s, [1, i]) for i, s in enumerate(shapes)]


def _gradients(function, operands, upstream):
    with tf.GradientTape() as tape:
        tape.watch(operands)
        mixed = function(*operands)
    return tape.gradient(mixed, operands, upstream)


def test_gradient_is_that_of_the_equation():
    operands = _operands()
    upstream = tf.random.stateless_normal([2, 6, 5], [2, 0])
    expected = _gradients(_plainly, operands, upstream)
    for value, found in zip(expected, _gradients(attend, operands, upstream)):
        np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5)


def test_gradient_of_the_gradient():
    """As a gradient penalty takes it, inside the training step's graph."""

    def penalty(function):
        @tf.function(autograph=False)
        def twice(*operands):
            with tf.GradientTape() as tape:
                tape.watch(operands)
                upstream = tf.tanh(operands[0][:, :, :1]) * tf.ones([2, 6, 5])
                slopes = _gradients(function, operands, upstream)
                total = tf.add_n([tf.reduce_sum(tf.square(s)) for s in slopes])
            return tape.gradient(total, operands)

        return twice(*_operands())

    for value, found in zip(penalty(_plainly), penalty(attend)):
        np.testing.assert_allclose(found, value, rtol=1e-3, atol=1e-4)


def _offset_operands():
    """Values with an offset, as max pooling gives them: it must cancel."""
    shapes = ([2, 64, 4], [2, 16, 4], [2, 16, 8])
    operands = [
        tf.cast(0.2 * tf.random.stateless_normal(s, [4, i]) + 3, tf.bfloat16)
        for i, s in enumerate(shapes)
    ]
    upstream = tf.cast(tf.random.stateless_normal([2, 64, 8], [5, 0]), tf.bfloat16)
    return operands, upstream


def _distances(found, expected):
    """Of each tensor from what it should be, relative."""
    return [
        np.linalg.norm(tf.cast(x, tf.float64) - y) / np.linalg.norm(y)
        for x, y in zip(found, expected)
    ]


def _exact(operands, upstream):
    double = [tf.cast(x, tf.float64) for x in operands]
    return _gradients(_plainly, double, tf.cast(upstream, tf.float64))


def test_bfloat16_rounds_what_goes_in_and_comes_out_alone():
    operands, upstream = _offset_operands()
    found = [attend(*operands), *_gradients(attend, operands, upstream)]
    wide = [tf.cast(x, tf.float32) for x in operands]
    expected = [attend(*wide), *_gradients(attend, wide, tf.cast(upstream, tf.float32))]
    for ours, value in zip(found, expected):
        assert ours.dtype == tf.bfloat16
        np.testing.assert_array_equal(ours, tf.cast(value, tf.bfloat16))
    distances = _distances(found[1:], _exact(operands, upstream))
    assert max(distances) < 0.005


def test_gradient_survives_products_of_rounded_factors(monkeypatch):
    """As a TPU multiplies float32."""
    exact = tf.matmul

    def rounded(left, right, **how):
        factors = (tf.cast(tf.cast(x, tf.bfloat16), tf.float32) for x in (left, right))
        return exact(*factors, **how)

    operands, upstream = _offset_operands()
    expected = _exact(operands, upstream)
    operands = [tf.cast(x, tf.float32) for x in operands]
    monkeypatch.setattr(tf, "matmul", rounded)
    found = _gradients(attend, operands, tf.cast(upstream, tf.float32))
    assert max(_distances(found, expected)) < 0.1
