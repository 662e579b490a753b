"""tensorflow-gan through its one shim."""

import numpy as np
import tensorflow as tf

from tf_smallgan.training.gan_library import tfgan


def test_losses_and_distances_work_without_estimators():
    loss = tfgan.losses.wargs.wasserstein_hinge_generator_loss(tf.constant([1.0, 3.0]))
    np.testing.assert_allclose(loss, -2.0)
    features = tf.random.stateless_normal([64, 4], [0, 1])
    distance = tfgan.eval.frechet_classifier_distance_from_activations(
        features, features
    )
    np.testing.assert_allclose(distance, 0.0, atol=1e-4)
