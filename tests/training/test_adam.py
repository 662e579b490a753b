"""What training relies on of Keras's Adam."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.training.step import densify


def test_two_steps_by_hand():
    variable = keras.Variable(1.0, dtype="float32")
    optimizer = keras.optimizers.Adam(0.1, beta_1=0.5, beta_2=0.75, epsilon=0.0)
    optimizer.build([variable])
    # m = g/2, v = g^2/4; both corrected are g and g^2, so that it moves by the rate.
    optimizer.apply([tf.constant(2.0)], [variable])
    assert variable.numpy() == pytest.approx(0.9)
    # m = 1/2 - 2 = -3/2, over 3/4: -2; v = 3/4 + 4 = 19/4, over 7/16: 76/7.
    optimizer.apply([tf.constant(-4.0)], [variable])
    assert variable.numpy() == pytest.approx(0.9 + 0.1 * 2 / np.sqrt(76 / 7), rel=1e-6)


def test_looked_up_rows_are_as_their_dense_gradient():
    dense = [[0.0, 0.0], [3.0, -1.0], [0.0, 0.0]]
    rows = tf.IndexedSlices(
        tf.constant([[1.0, 1.0], [2.0, -2.0]]), tf.constant([1, 1]), tf.constant([3, 2])
    )
    found = []
    for gradient in (tf.constant(dense), rows):
        table = keras.Variable(np.ones((3, 2)), dtype="float32")
        optimizer = keras.optimizers.Adam(0.1)
        optimizer.build([table])
        optimizer.apply(densify([gradient]), [table])
        found.append(table.numpy())
    np.testing.assert_array_equal(*found)
    assert found[0][1, 0] < 1 < found[0][1, 1]
