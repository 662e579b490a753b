"""The Keras layer: rows, weights, and a way through serialisation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import coreset
from tf_smallgan.coreset import CoresetSelection
from tf_smallgan.errors import InputError

POINTS = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
LABELS = np.arange(40, dtype=np.int32)
IMAGES = np.arange(40 * 8, dtype=np.uint8).reshape(40, 2, 2, 2)


@pytest.mark.parametrize("method", coreset.METHODS)
def test_chosen_rows_of_each_tensor(method):
    layer = CoresetSelection(10, method, weights=True)
    images, labels, weights = layer(POINTS, IMAGES, LABELS, seed=[1, 2])
    indices = coreset.select(method, POINTS, 10, [1, 2]).numpy()
    np.testing.assert_array_equal(labels, indices)
    np.testing.assert_array_equal(images, IMAGES[indices])
    assert images.dtype == tf.uint8
    expected = coreset.weighted_select(method, POINTS, 10, [1, 2])
    np.testing.assert_array_equal(indices, expected[0])
    np.testing.assert_array_equal(weights, expected[1])
    np.testing.assert_allclose(np.mean(weights), 1, rtol=1e-6)


def test_points_themselves_where_there_is_no_other_tensor():
    indices = coreset.greedy_k_center(POINTS, 10).numpy()
    np.testing.assert_array_equal(CoresetSelection(10)(POINTS), POINTS[indices])


def test_without_a_seed_the_constructors_counts():
    one, same = (CoresetSelection(10, "uniform", seed=3)(POINTS) for _ in range(2))
    other = CoresetSelection(10, "uniform", seed=4)(POINTS)
    np.testing.assert_array_equal(one, same)
    assert (one.numpy() != other.numpy()).any()


def test_precision_policies_leave_points_alone():
    layer = CoresetSelection(10, dtype="mixed_bfloat16")
    assert layer(POINTS).dtype == tf.float32


@pytest.mark.parametrize("method", coreset.METHODS)
@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_flow_through_the_rows_and_not_the_choice(method, compiled):
    layer = CoresetSelection(10, method, weights=True)

    def gradient(points):
        with tf.GradientTape() as tape:
            tape.watch(points)
            rows, weights = layer(points, seed=[1, 2])
            total = tf.reduce_sum(weights[:, tf.newaxis] * rows)
        return tape.gradient(total, points), weights

    call = tf.function(gradient, autograph=False) if compiled else gradient
    found, weights = call(tf.constant(POINTS))
    chosen = coreset.select(method, POINTS, 10, [1, 2]).numpy()
    expected = np.zeros_like(POINTS)
    expected[chosen] = weights.numpy()[:, np.newaxis]
    np.testing.assert_allclose(tf.convert_to_tensor(found), expected, rtol=1e-6)


def test_a_covering_radius_may_stand_under_a_tape():
    points = tf.Variable(np.tile(POINTS, 3))
    with tf.GradientTape() as tape:
        radius = coreset.covering_radius(points, [1, 2, 3])
    assert tape.gradient(radius, points) is None


def test_round_trip_through_config():
    layer = CoresetSelection(7, "stratified", weights=True, seed=5, name="pick")
    copy = CoresetSelection.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    for one, other in zip(layer(POINTS), copy(POINTS), strict=True):
        np.testing.assert_array_equal(one, other)


def test_inside_a_saved_model(tmp_path):
    points = keras.Input(batch_shape=(40, 6))
    labels = keras.Input(batch_shape=(40,), dtype="int32")
    rows, chosen, weights = CoresetSelection(9, "d_squared", weights=True)(
        points, points, labels
    )
    assert rows.shape == (9, 6)
    scored = keras.layers.Dense(3)(rows)
    model = keras.Model([points, labels], [scored, chosen, weights])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    expected, actual = model([POINTS, LABELS]), loaded([POINTS, LABELS])
    for one, other in zip(expected, actual, strict=True):
        np.testing.assert_array_equal(one, other)
    # Keras would leave the batch's size open; selection needs it.
    signature = [tf.TensorSpec([40, 6]), tf.TensorSpec([40], tf.int32)]
    model.export(tmp_path / "exported", verbose=False, input_signature=[signature])
    exported = tf.saved_model.load(tmp_path / "exported")
    served = exported.serve([POINTS, LABELS])
    np.testing.assert_array_equal(served[1], expected[1])


def test_bad_arguments():
    with pytest.raises(InputError, match="k is 0"):
        CoresetSelection(0)
    with pytest.raises(InputError, match="'best'"):
        CoresetSelection(1, "best")
    with pytest.raises(InputError, match="one row for each"):
        CoresetSelection(1)(POINTS, LABELS[:-1])
