"""The generator's average."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.models.convolution import Dense
from tf_smallgan.training.ema import decay_at, update_average


@pytest.mark.parametrize("devices", [1, 2])
def test_average_follows_its_equation(devices, two_replicas):
    one = tf.distribute.OneDeviceStrategy("CPU:0")
    strategy = two_replicas if devices == 2 else one
    with strategy.scope():
        average, model = Dense(3, 2), Dense(3, 2)
    old, new = (x.weight.kernel.numpy() for x in (average, model))
    update = tf.function(
        lambda decay: update_average(strategy, average, model, decay), autograph=False
    )
    update(tf.constant(0.75))
    np.testing.assert_allclose(
        average.weight.kernel.numpy(), 0.75 * old + 0.25 * new, rtol=1e-6
    )
    np.testing.assert_array_equal(
        average.weight.right.numpy(), model.weight.right.numpy()
    )
    update(tf.constant(0.0))
    np.testing.assert_array_equal(average.weight.kernel.numpy(), new)


def test_decay_starts_at_its_step():
    decays = [float(decay_at(tf.constant(s), 0.9, 2)) for s in range(4)]
    np.testing.assert_allclose(decays, [0, 0, 0.9, 0.9], rtol=1e-6)
