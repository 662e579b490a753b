"""Batch norm by hand numbers, and what its statistics do."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.models.batch_norm import (
    BatchNormRelu,
    BatchStatistics,
    ConditionalBatchNormRelu,
    batch_moments,
    interpolate,
    normalize_by_batch,
    statistics_of,
)


def _images(seed=0, shape=(4, 3, 3, 2)):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(2.0, 3.0, shape), tf.float32)


def test_moments_are_numpys():
    images = _images()
    mean, variance = batch_moments(images)
    np.testing.assert_allclose(mean, images.numpy().mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(variance, images.numpy().var((0, 1, 2)), rtol=1e-5)


def test_moments_are_those_of_all_replicas(two_replicas):
    strategy = two_replicas
    halves = tf.split(_images(shape=(8, 2, 2, 3)), 2)

    def replica():
        index = tf.distribute.get_replica_context().replica_id_in_sync_group
        images = tf.gather(tf.stack(halves), index)
        with tf.GradientTape() as tape:
            tape.watch(images)
            mean, variance = batch_moments(images)
            loss = tf.reduce_sum(mean**2 + variance**2) / 2
        return mean, variance, tape.gradient(loss, images)

    mean, variance, gradient = tf.function(lambda: strategy.run(replica))()
    whole = tf.concat(halves, 0)
    with tf.GradientTape() as tape:
        tape.watch(whole)
        expected = batch_moments(whole)
        loss = tf.reduce_sum(expected[0] ** 2 + expected[1] ** 2)
    local = strategy.experimental_local_results
    for part in local(mean):
        np.testing.assert_allclose(part, expected[0], rtol=1e-5)
    for part in local(variance):
        np.testing.assert_allclose(part, expected[1], rtol=1e-4)
    np.testing.assert_allclose(
        np.concatenate(local(gradient)), tape.gradient(loss, whole), atol=1e-5
    )


@pytest.mark.parametrize(
    ("mean", "tolerance"), [(0.0, 1e-5), (10.0, 1e-4), (100.0, 2e-3), (300.0, 2e-2)]
)
def test_a_mean_far_from_zero_costs_few_digits(two_replicas, mean, tolerance):
    """A mean square less the squared mean of 65,536 numbers is off by 1 and 11%."""
    rng = np.random.default_rng(1)
    images = (rng.normal(size=(64, 32, 32, 3)) + mean).astype(np.float32)
    halves = tf.constant(np.stack(np.split(images, 2)))

    def replica():
        index = tf.distribute.get_replica_context().replica_id_in_sync_group
        part = tf.gather(halves, index)
        with tf.GradientTape() as tape:
            tape.watch(part)
            found = batch_moments(part)
            loss = tf.reduce_sum(found[1]) / 2
        return *found, tape.gradient(loss, part)

    results = tf.function(lambda: two_replicas.run(replica))()
    found, variance, gradient = map(two_replicas.experimental_local_results, results)
    exact = images.astype(np.float64)
    np.testing.assert_allclose(found[0], exact.mean((0, 1, 2)), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(variance[0], exact.var((0, 1, 2)), rtol=tolerance)
    # d var / dx = 2 (x - mean) / count.
    by_hand = 2 * (exact - exact.mean((0, 1, 2))) / (64 * 32 * 32)
    np.testing.assert_allclose(np.concatenate(gradient), by_hand, atol=1e-7)


def _plain(images):
    mean, variance = batch_moments(images)
    scale = tf.cast(tf.math.rsqrt(variance + 1e-5), images.dtype)
    return (images - tf.cast(mean, images.dtype)) * scale, mean, variance


def _with_gradient(normalize, images, direction):
    with tf.GradientTape() as tape:
        tape.watch(images)
        normalized, mean, variance = normalize(images)
        loss = tf.reduce_sum(tf.cast(normalized, tf.float32) * direction)
    return normalized, mean, variance, tape.gradient(loss, images)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.03)]
)
def test_the_fused_form_is_the_plain_one(dtype, tolerance, compiled):
    images = _images(shape=(4, 5, 5, 8))
    direction = _images(1, images.shape)
    fused = tf.function(
        lambda x: _with_gradient(lambda y: normalize_by_batch(y, 1e-5), x, direction),
        jit_compile=compiled,
        autograph=False,
    )(tf.cast(images, dtype))
    # Against float32 on the same, already rounded images.
    plain = _with_gradient(
        _plain, tf.cast(tf.cast(images, dtype), tf.float32), direction
    )
    assert fused[0].dtype == dtype and fused[1].dtype == fused[2].dtype == "float32"
    for a, b in zip((fused[0], fused[3]), (plain[0], plain[3])):
        np.testing.assert_allclose(
            tf.cast(a, tf.float32), b, atol=tolerance * np.abs(b).max()
        )
    # Statistics are of float32 whatever the images are.
    np.testing.assert_allclose(fused[1], plain[1], rtol=1e-5)
    np.testing.assert_allclose(fused[2], plain[2], rtol=1e-4)


def test_relu_of_gain_and_bias_by_hand():
    layer = BatchNormRelu(1, epsilon=0.0)
    layer.gain.assign([2.0])
    layer.bias.assign([1.0])
    images = tf.reshape(tf.constant([0.0, 2.0, 4.0, 6.0]), [4, 1, 1, 1])
    # Mean 3, variance 5.
    expected = np.maximum(2 * (np.array([0, 2, 4, 6]) - 3) / np.sqrt(5) + 1, 0)
    np.testing.assert_allclose(
        layer(images, training=True)[:, 0, 0, 0], expected, rtol=1e-5
    )


def test_conditional_gain_and_bias_follow_the_condition():
    layer = ConditionalBatchNormRelu(2, 3)
    images, condition = _images(), tf.eye(4, 3)
    plain = (images - batch_moments(images)[0]) * tf.math.rsqrt(
        batch_moments(images)[1] + 1e-5
    )
    gain = 1 + layer.gain(condition).numpy()
    bias = layer.bias(condition).numpy()
    expected = np.maximum(plain * gain[:, None, None] + bias[:, None, None], 0)
    outputs = layer(images, condition, batch_statistics=True)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_moving_statistics_move_only_in_training():
    layer = BatchStatistics(2, momentum=0.75)
    images = _images()
    layer(images, batch_statistics=True)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), [0, 0])
    layer(images, training=True)
    mean, variance = batch_moments(images)
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean / 4, rtol=1e-5)
    np.testing.assert_allclose(
        layer.moving_variance.numpy(), 0.75 + variance / 4, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("position", "expected"),
    [(0.25, 10.0), (0.5, 20.0), (1.0, 40.0), (0.1, 10.0), (0.3125, 12.5), (0.9, 36.0)],
)
def test_interpolation_goes_the_right_way_round(position, expected):
    table = tf.constant([[10.0], [20.0], [40.0]])
    rows = interpolate((0.25, 0.5, 1.0), table, tf.constant([position]))
    np.testing.assert_allclose(rows, [[expected]], rtol=1e-6)


def test_table_is_used_where_a_truncation_is_given():
    layer = BatchStatistics(1, truncations=(0.5, 1.0), epsilon=0.0)
    layer.table_mean.assign([[1.0], [3.0]])
    layer.table_variance.assign([[4.0], [16.0]])
    images = _images(shape=(2, 1, 1, 1))
    same, mean, inverse = layer(images, truncation=tf.constant([0.5, 1]))
    np.testing.assert_array_equal(same, images)
    np.testing.assert_allclose(mean, [[1.0], [3.0]])
    np.testing.assert_allclose(inverse, [[0.5], [0.25]])


def test_statistics_of_finds_them_all():
    layer = ConditionalBatchNormRelu(2, 3)
    assert statistics_of(layer) == [layer.statistics]
