"""The generator's average."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.config.flags import TrainingFlags
from tf_smallgan.models.convolution import Dense
from tf_smallgan.training.ema import decay_at, update_average, warning


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


def test_an_average_that_is_still_noise_is_warned_of():
    # 0.9999^1000 is 0.905.
    text = warning(TrainingFlags(train_steps=1000, ema_decay=0.9999))
    assert "still 90% what G was at step 0" in text
    assert "such as 0.99 (in" in text
    long = TrainingFlags(train_steps=400_000, ema_decay=0.999999)
    assert "such as 0.999975 (in" in warning(long)
    # 0.99^230 is 0.099, and the proposed decay leaves no more than that either.
    assert not warning(TrainingFlags(train_steps=230, ema_decay=0.99))
    assert warning(TrainingFlags(train_steps=229, ema_decay=0.99))
    assert not warning(TrainingFlags(train_steps=1000, ema_decay=0.99))
    later = TrainingFlags(train_steps=1230, ema_start_step=1001, ema_decay=0.99)
    assert "at step 1001" in warning(later)
    # Before its start the average is a copy.
    assert not warning(TrainingFlags(train_steps=9, ema_start_step=9))
