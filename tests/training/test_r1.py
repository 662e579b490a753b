"""R1 by hand numbers, and its gradient through the real discriminators."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from experiments.common.perceptrons import Critic, Perceptron
from tests.training.stepping import SPEC
from tf_smallgan.config.flags import TrainingFlags
from tf_smallgan.models.factory import build_discriminator
from tf_smallgan.models.spectral_norm import iterate_once
from tf_smallgan.training.losses import logits_and_slopes, r1
from tf_smallgan.training.prior import LatentBatch
from tf_smallgan.training.state import assemble_state
from tf_smallgan.training.step import RealBatch, update_discriminator


def test_penalty_by_hand():
    images = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    _, slopes = logits_and_slopes(
        lambda x, *_, **__: tf.reduce_sum(x**2, axis=1), images, None
    )
    np.testing.assert_allclose(slopes, 2 * images)
    # 1/2 (1 * (4 + 16) + 3 * (36 + 64))
    assert float(r1(slopes, tf.constant([1.0, 3.0]))) == pytest.approx(160)


@pytest.mark.parametrize("architecture", ["biggan", "biggan_deep", "sngan"])
def test_gradient_agrees_with_differences(architecture, monkeypatch):
    """d/dt of the penalty at weights + t direction, through every layer of D.

    With softplus for ReLU, whose slopes jump where differences would notice.
    """
    monkeypatch.setattr(tf.nn, "relu", tf.nn.softplus)
    resolution = 128 if architecture == "biggan_deep" else 32
    spec = dataclasses.replace(SPEC, architecture=architecture, resolution=resolution)
    discriminator = build_discriminator(spec)
    images = tf.random.stateless_normal([2, resolution, resolution, 1], [0, 1])
    labels, weights = tf.constant([0, 2]), tf.constant([0.5, 1.5])
    # A last bias moves logits and no slope.
    variables = [v for v in discriminator.trainable_variables if "bias" not in v.path]

    def penalty():
        return r1(logits_and_slopes(discriminator, images, labels)[1], weights)

    # Within, sigma's vectors stand still: the penalty is a function of the weights.
    with iterate_once():
        with tf.GradientTape() as tape:
            value = penalty()
        gradients = tape.gradient(value, variables)
        directions = [g / (tf.norm(g) + 1e-12) for g in gradients]
        values, t = [], 3e-3
        for sign in (1, -1):
            for v, d in zip(variables, directions):
                v.assign_add(sign * t * d)
            values.append(float(penalty()))
            for v, d in zip(variables, directions):
                v.assign_sub(sign * t * d)
    expected = sum(float(tf.reduce_sum(g * d)) for g, d in zip(gradients, directions))
    assert (values[0] - values[1]) / (2 * t) == pytest.approx(expected, rel=4e-2)


def test_an_update_adds_the_penaltys_gradient():
    state = assemble_state(
        Perceptron(2, (8,), 2),
        Critic(2, (8, 8)),
        Perceptron(2, (8,), 2),
        TrainingFlags(),
    )
    points = tf.random.stateless_normal([6, 2], [0, 1])
    weights = tf.linspace(0.5, 1.5, 6)
    real = RealBatch(points, None, weights)
    prior = LatentBatch(points, None, tf.ones([6]))
    variables = state.discriminator.trainable_variables
    applied = []
    state.discriminator_optimizer = SimpleNamespace(
        apply=lambda gradients, _: applied.append(gradients)
    )
    free = update_discriminator(state, real, prior, 6)
    metrics = update_discriminator(state, real, prior, 6, r1_penalty=10.0)
    with tf.GradientTape() as tape:
        slopes = logits_and_slopes(state.discriminator, points, None)[1]
        penalty = r1(slopes, weights) / 6
    assert "r1" not in free
    assert metrics["r1"] == penalty
    assert metrics["discriminator_loss"] == free["discriminator_loss"]
    kernels = [i for i, v in enumerate(variables) if "bias" not in v.path]
    expected = tape.gradient(penalty, [variables[i] for i in kernels])
    for i, gradient in zip(kernels, expected):
        np.testing.assert_allclose(
            applied[1][i], applied[0][i] + 10 * gradient, rtol=1e-5, atol=1e-6
        )
