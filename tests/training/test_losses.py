"""The hinge loss by hand numbers."""

import numpy as np
import tensorflow as tf

from tf_smallgan.training.losses import discriminator_loss, generator_loss


def test_discriminator_hinge_by_hand():
    real, fake = tf.constant([0.5, 2.0, -1.0]), tf.constant([-2.0, 0.0, 1.0])
    ones = tf.ones([3])
    # relu(1 - D): 0.5, 0, 2; relu(1 + D): 0, 1, 2; over a batch of 3.
    np.testing.assert_allclose(
        discriminator_loss(real, fake, ones, ones, 3), (2.5 + 3) / 3, rtol=1e-6
    )


def test_weights_scale_each_example_and_zero_weights_count_in_the_mean():
    real, fake = tf.constant([0.0, 0.0]), tf.constant([0.0, 0.0])
    loss = discriminator_loss(
        real, fake, tf.constant([2.0, 0.0]), tf.constant([0.5, 1.5]), 2
    )
    np.testing.assert_allclose(loss, (2 + 2) / 2, rtol=1e-6)
    np.testing.assert_allclose(
        generator_loss(tf.constant([3.0, 5.0]), tf.constant([0.0, 2.0]), 2), -5.0
    )


def test_replicas_sum_to_the_global_mean():
    rng = np.random.default_rng(0)
    real, fake = (tf.constant(rng.normal(size=8), tf.float32) for _ in range(2))
    ones = tf.ones([8])
    whole = discriminator_loss(real, fake, ones, ones, 8)
    halves = [
        discriminator_loss(r, f, tf.ones([4]), tf.ones([4]), 8)
        for r, f in zip(tf.split(real, 2), tf.split(fake, 2))
    ]
    np.testing.assert_allclose(sum(halves), whole, rtol=1e-6)
