"""The exact algebra of resampling convolutions, in value and gradient."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.models import convolution
from tf_smallgan.models.convolution import ClassEmbedding, Convolution, Dense


def _inputs(seed=0, size=6, channels=3):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=(2, size, size, channels)), tf.float32)


def test_upsample_repeats_each_pixel():
    image = tf.reshape(tf.range(4.0), [1, 2, 2, 1])
    expected = [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    np.testing.assert_array_equal(convolution.upsample(image)[0, :, :, 0], expected)


def test_add_upsampled_is_a_sum_with_upsample():
    large, small = _inputs(size=8), _inputs(1, size=4)
    expected = large + convolution.upsample(small)
    np.testing.assert_allclose(convolution.add_upsampled(large, small), expected)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("resample", ["up", "down"])
def test_fused_equals_plain_in_value_and_gradient(resample, size):
    layer = Convolution(3, 5, size, resample=resample)
    layer.weight.converge()
    layer.bias.assign(np.arange(5, dtype=np.float32))
    images = _inputs()
    results = []
    for fused in (True, False):
        layer.fused = fused
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images, training=False)
            loss = tf.reduce_sum(tf.sin(outputs))
        weights = [layer.weight.kernel.value, layer.bias.value]
        results.append([outputs, *tape.gradient(loss, [images, *weights])])
    for fused, plain in zip(*results):
        scale = np.abs(plain).max()
        np.testing.assert_allclose(fused / scale, plain / scale, atol=1e-5)


def test_resampling_changes_the_size_by_two():
    images = _inputs(size=8)
    assert Convolution(3, 4, resample="up")(images).shape == (2, 16, 16, 4)
    assert Convolution(3, 4, resample="down")(images).shape == (2, 4, 4, 4)
    assert Convolution(3, 4)(images).shape == (2, 8, 8, 4)


def test_dense_by_hand():
    layer = Dense(2, 1, spectral=False)
    layer.weight.kernel.assign([[2.0], [3.0]])
    layer.bias.assign([1.0])
    np.testing.assert_allclose(layer(tf.constant([[10.0, 100.0]])), [[321.0]])


def test_class_embedding_looks_up_normalised_rows():
    layer = ClassEmbedding(6, 4, spectral=True)
    layer.weight.converge()
    rows = layer(tf.constant([5, 0, 5]))
    table = layer.weight.normalized(training=False).numpy()
    np.testing.assert_allclose(rows, table[[5, 0, 5]], rtol=1e-5)


def test_bfloat16_convolves_in_bfloat16_and_keeps_float32_weights():
    layer = Convolution(3, 4, compute_dtype="bfloat16")
    assert layer(_inputs()).dtype == tf.bfloat16
    assert {v.dtype for v in layer.variables} == {"float32"}


@pytest.mark.parametrize("resample", ["", "up", "down"])
def test_the_gradient_of_a_bias_is_summed_in_float32(resample):
    layer = Convolution(4, 4, resample=resample, compute_dtype="bfloat16")
    images = tf.ones([8, 32, 32, 4])
    shape = layer(images).shape

    @tf.function(autograph=False)
    def gradient(upstream):
        with tf.GradientTape() as tape:
            outputs = layer(images, training=True)
            total = tf.reduce_sum(tf.cast(outputs * upstream, tf.float32))
        return tape.gradient(total, [layer.bias.value, layer.weight.kernel.value])[0]

    # A sum in bfloat16 stops at 256 ones.
    found = gradient(tf.ones(shape, "bfloat16"))
    np.testing.assert_allclose(found, [shape[0] * shape[1] * shape[2]] * 4, rtol=1e-2)
