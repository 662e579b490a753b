"""The networks of points: their units and their first layer."""

import numpy as np
import tensorflow as tf

from experiments.common.perceptrons import Critic, Perceptron


def test_units_scale_what_goes_in_and_comes_out():
    points = tf.random.stateless_normal([5, 2], [0, 0])
    plain = Perceptron(2, (8,), 3)
    scaled = Perceptron(2, (8,), 3, input_unit=4.0, output_unit=0.5)
    scaled.set_weights(plain.get_weights())
    np.testing.assert_allclose(scaled(4 * points), 0.5 * plain(points), rtol=1e-6)


def test_first_layer_has_its_own_activation():
    critic = Critic(2, (2, 1), first_activation="tanh")
    first, second, last = critic.stack.layers
    first.set_weights([np.array([[1.0, 0.0], [0.0, -2.0]]), np.array([0.5, 0.0])])
    second.set_weights([np.array([[3.0], [1.0]]), np.array([0.0])])
    last.set_weights([np.array([[2.0]]), np.array([-1.0])])
    # By hand: tanh at (0.5 + 0.5, -2), then ReLU; at (-9.5, 8) ReLU's argument is -2.
    expected = [2 * max(0, 3 * np.tanh(1) + np.tanh(-2)) - 1, -1]
    found = critic(tf.constant([[0.5, 1.0], [-10.0, -4.0]]))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_hinges_of_the_first_layer_lie_within_reach():
    critic = Critic(2, (4096,), reach=3.0, gain=10.0)
    kernel, bias = critic.stack.layers[0].get_weights()
    np.testing.assert_allclose(kernel.std(), 10.0, rtol=0.05)
    distances = np.abs(bias) / np.linalg.norm(kernel, axis=0)
    assert 1.0 < np.median(distances) < 3.0
