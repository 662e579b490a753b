"""Adam by one operation is Keras's Adam."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.training.adam import Adam

_SHAPES = ((3, 4), (5,), ())


def _variables() -> list[keras.Variable]:
    rng = np.random.default_rng(0)
    return [
        keras.Variable(rng.normal(size=shape), dtype="float32") for shape in _SHAPES
    ]


def _gradients(step: int) -> list[tf.Tensor]:
    rng = np.random.default_rng(step)
    return [tf.constant(rng.normal(size=shape), tf.float32) for shape in _SHAPES]


def _trained(kind, beta1: float, steps: int) -> list[np.ndarray]:
    variables = _variables()
    optimizer = kind(2e-2, beta_1=beta1, beta_2=0.9, epsilon=1e-8)
    optimizer.build(variables)
    for step in range(steps):
        if step == 3:
            optimizer.learning_rate = 1e-2  # As a rollback does.
        optimizer.apply(_gradients(step), variables)
    return [x.numpy() for x in (*variables, *optimizer.variables)]


@pytest.mark.parametrize("beta1", [0.0, 0.5])
def test_it_is_kerass(beta1):
    ours, keras_own = (
        _trained(kind, beta1, steps=6) for kind in (Adam, keras.optimizers.Adam)
    )
    assert len(ours) == len(keras_own) == 3 * 3 + 2  # And iterations, learning rate.
    for a, b in zip(ours, keras_own):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)


def test_two_steps_by_hand():
    variable = keras.Variable(1.0, dtype="float32")
    optimizer = Adam(0.1, beta_1=0.5, beta_2=0.75, epsilon=0.0)
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
        optimizer = Adam(0.1)
        optimizer.build([table])
        optimizer.apply([gradient], [table])
        found.append(table.numpy())
    np.testing.assert_array_equal(*found)
    assert found[0][1, 0] < 1 < found[0][1, 1]


def test_a_variable_more_is_an_operation_more():
    """Beyond what stands for its handles, its gradient and the latter's sum."""
    others = ("Placeholder", "Const", "Identity", "NoOp")

    def operations(count: int) -> int:
        variables = [keras.Variable([1.0, 2.0]) for _ in range(count)]
        optimizer = Adam(0.1)
        optimizer.build(variables)
        gradients = [tf.ones([2])] * count
        graph = tf.function(lambda: optimizer.apply(gradients, variables))
        made = graph.get_concrete_function().graph.get_operations()
        return sum(op.type not in others for op in made)

    assert operations(5) - operations(4) == 1
