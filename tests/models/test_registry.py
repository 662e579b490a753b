"""Every architecture builds, runs and takes gradients, with and without classes."""

import dataclasses
import itertools
import typing

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import config as config_lib
from tf_smallgan.config import architectures, defaults
from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.config.flags import ModelFlags
from tf_smallgan.models import factory

# The smallest of each; one line for a new architecture.
SMALLEST = {"biggan": 32, "biggan_deep": 128, "sagan": 32, "sngan": 32}


def test_no_architecture_is_missing():
    flag = next(
        field
        for field in dataclasses.fields(ModelFlags)
        if field.name == "architecture"
    )
    names = set(architectures.TABLES)
    assert names == set(SMALLEST)
    assert names == set(factory.ARCHITECTURES)
    assert names == set(typing.cast(tuple, flag.metadata["choices"]))


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_is_the_smallest(name):
    assert min(architectures.TABLES[name]) == SMALLEST[name]


def _spec(name: str, classes: int, shared: bool, skip: bool) -> ModelSpec:
    arguments = [
        f"--architecture={name}",
        f"--resolution={SMALLEST[name]}",
        "--channel_multiplier=1",
        "--latent_dim=8",
        "--image_channels=1",
        f"--num_classes={classes or 1}",
        f"--conditional={bool(classes)}",
        f"--shared_embedding={shared}",
        f"--skip_latents={skip}",
        "--attention_resolutions=16",
    ]
    return defaults.model_spec(defaults.with_defaults(config_lib.parse(arguments)))


CASES = [
    (name, classes, shared, skip)
    for name, classes, shared, skip in itertools.product(
        SMALLEST, (0, 3), (True, False), (True, False)
    )
    # Without classes there is nothing to share.
    if (classes or shared) and (name != "biggan_deep" or shared == skip)
]


@pytest.mark.parametrize(("name", "classes", "shared", "skip"), CASES)
def test_it_builds_runs_and_learns(name, classes, shared, skip):
    # Of one channel a few units may all be dead, and then nothing would learn.
    keras.utils.set_random_seed(0)
    spec = _spec(name, classes, shared, skip)
    generator = factory.build_generator(spec)
    discriminator = factory.build_discriminator(spec)
    latents = tf.random.stateless_normal([2, spec.latent_dim], [1, 2])
    labels = tf.constant([0, 2]) if classes else None
    variables = [*generator.trainable_variables, *discriminator.trainable_variables]

    # Eagerly: one call would not pay for the tracing.
    with tf.GradientTape() as tape:
        images = generator(latents, labels, training=True)
        logits = discriminator(images, labels, training=True)
        loss = tf.reduce_sum(logits)
    gradients = tape.gradient(loss, variables)
    size = SMALLEST[name]
    assert images.shape == (2, size, size, 1)
    assert logits.shape == (2,)
    assert np.isfinite(images).all() and np.isfinite(logits).all()
    for variable, gradient in zip(variables, gradients):
        assert gradient is not None, variable.path
        values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
        assert np.isfinite(values).all(), variable.path
    # Attention's gain is 0 at first: it alone learns there, and it does.
    gammas = [g for v, g in zip(variables, gradients) if v.name == "gamma"]
    assert len(gammas) == 2 and all(np.abs(g) > 0 for g in gammas)
