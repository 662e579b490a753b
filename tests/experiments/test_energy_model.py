"""The maximum-entropy energy-based model: its entropy, and what it learns."""

import numpy as np
import pytest
import tensorflow as tf

from experiments.anomaly_detection import energy_model
from experiments.anomaly_detection import flags as anomaly_detection_flags
from experiments.anomaly_detection.energy_model import jensen_shannon_information
from experiments.common.perceptrons import Critic
from tf_smallgan import config as config_lib
from tf_smallgan.training.prior import LatentBatch

ONES = tf.ones([4])


def _model(monkeypatch, *flags):
    monkeypatch.setattr(energy_model, "HIDDEN", (32,))
    config = config_lib.parse(
        ["--latent_dim=2", "--generator_lr=0.01", "--discriminator_lr=0.01", *flags],
        anomaly_detection_flags.COMMAND,
    )
    return energy_model.build(config, pixels=3)


def _latents(seed, weights=None):
    latents = tf.random.stateless_normal([128, 2], [seed, 0])
    return LatentBatch(latents, None, tf.ones([128]) if weights is None else weights)


def test_information_between_its_bounds():
    none = jensen_shannon_information(0 * ONES, 0 * ONES, ONES, ONES)
    assert float(none) == pytest.approx(0, abs=1e-6)
    whole = jensen_shannon_information(50 * ONES, -50 * ONES, ONES, ONES)
    assert float(whole) == pytest.approx(np.log(2))


def test_information_of_a_bit_and_its_copy():
    """With the best T, the Jensen-Shannon divergence of joint and product."""
    joint = np.array([0.5, 0, 0, 0.5])
    product = np.full(4, 0.25)
    middle = (joint + product) / 2
    expected = 0.5 * np.sum(product * np.log(product / middle))
    expected += 0.5 * np.sum(joint[[0, 3]] * np.log((joint / middle)[[0, 3]]))
    best = np.array([np.log(2), -1e3, -1e3, np.log(2)], np.float32)
    # All four cells are given once, and weigh what each distribution gives them.
    found = jensen_shannon_information(best, best, 4 * joint, 4 * product)
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dependent", [True, False])
def test_a_trained_network_finds_what_there_is(dependent):
    statistics = Critic(2, (32,))
    variables = statistics.trainable_variables
    optimizer = tf.keras.optimizers.Adam(0.01)
    optimizer.build(variables)

    def information(step):
        x, noise, z = tf.unstack(
            tf.random.stateless_normal([3, 512], tf.stack([step, 7]))
        )
        own = x + 0.1 * noise if dependent else z
        apart = tf.roll(own, 1, 0)
        pairs = tf.concat([tf.stack([x, own], 1), tf.stack([x, apart], 1)], 0)
        together, apart = tf.split(statistics(pairs), 2)
        ones = tf.ones([512])
        return jensen_shannon_information(together, apart, ones, ones)

    @tf.function(autograph=False)
    def climb(step):
        with tf.GradientTape() as tape:
            loss = -information(step)
        optimizer.apply(tape.gradient(loss, variables), variables)

    for step in range(300):
        climb(tf.constant(step))
    found = np.mean([information(tf.constant(i)) for i in range(1000, 1010)])
    if dependent:
        assert 0.3 < found < np.log(2)
    else:
        assert abs(found) < 0.02


def test_the_generator_learns_to_keep_its_latents(monkeypatch):
    model = _model(monkeypatch, "--adam_beta1=0.5")

    @tf.function(autograph=False)
    def update(step):
        latents = tf.random.stateless_normal([128, 2], tf.stack([step, 1]))
        prior = LatentBatch(latents, None, tf.ones([128]))
        return energy_model.update_generator(model, prior, tf.stack([step, 2]))

    found = [float(update(tf.constant(step))) for step in range(300)]
    assert found[0] < 0.1
    assert np.mean(found[-20:]) > 0.3


def test_energy_falls_where_the_data_are(monkeypatch):
    model = _model(monkeypatch, "--r1_penalty=0.1")
    images = 0.8 + 0.1 * tf.random.stateless_normal([128, 3], [3, 4])
    gaps = [
        float(
            energy_model.update_energy(model, images, tf.ones([128]), _latents(i), 0.1)
        )
        for i in range(20)
    ]
    assert gaps[-1] < gaps[0] - 0.1
    fakes = model.generator(_latents(99).latents)
    real, fake = (float(tf.reduce_mean(model.energy(x))) for x in (images, fakes))
    assert real < fake


def test_weights_weigh(monkeypatch):
    """An image and latents of weight 0 have no say in the gap."""
    model = _model(monkeypatch)
    weights = tf.concat([2 * tf.ones([64]), tf.zeros([64])], 0)
    images = tf.random.stateless_uniform([128, 3], [3, 4], -1, 1)
    prior = _latents(5, weights)
    fakes = model.generator(prior.latents)
    expected = tf.reduce_mean(model.energy(images[:64])) - tf.reduce_mean(
        model.energy(fakes[:64])
    )
    gap = energy_model.update_energy(model, images, weights, prior, 0.0)
    assert float(gap) == pytest.approx(float(expected), abs=1e-5)
