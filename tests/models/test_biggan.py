"""Residual BigGAN: exact sizes, and what goes in and comes out."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.models import biggan
from tf_smallgan.models.initializers import weights_follow


def _count(build):
    with tf.Graph().as_default(), weights_follow():
        return sum(math.prod(v.shape) for v in build().trainable_variables)


@pytest.mark.parametrize(
    ("resolution", "parameters"),
    [(128, 70_433_988), (256, 82_097_604), (512, 82_468_068)],
)
def test_generator_has_the_published_number_of_parameters(resolution, parameters):
    assert _count(lambda: biggan.Generator(resolution, num_classes=1000)) == parameters


@pytest.mark.parametrize(
    ("resolution", "parameters"), [(128, 87_982_370), (256, 99_225_890)]
)
def test_discriminator_has_the_published_number(resolution, parameters):
    build = lambda: biggan.Discriminator(resolution, num_classes=1000)  # noqa: E731
    assert _count(build) == parameters


def _small_generator(**options):
    options = {"num_classes": 5, "channel_multiplier": 2, "latent_dim": 8} | options
    return biggan.Generator(32, **options)


def test_images_have_the_size_and_range():
    images = _small_generator(image_channels=1)(tf.ones([3, 8]), tf.constant([0, 1, 4]))
    assert images.shape == (3, 32, 32, 1)
    assert images.dtype == tf.float32
    assert np.abs(images).max() <= 1


def test_every_chunk_and_the_label_reach_the_image():
    generator = _small_generator()
    base, label = np.zeros((1, 8), np.float32), tf.constant([2])
    image = generator(base, label, batch_statistics=True).numpy()
    for slot in range(4):
        latents = base.copy()
        latents[0, 2 * slot] = 1.0
        changed = generator(latents, label, batch_statistics=True).numpy()
        assert np.abs(changed - image).max() > 1e-4, slot
    other = generator(base, tf.constant([3]), batch_statistics=True).numpy()
    assert np.abs(other - image).max() > 1e-4


def test_a_class_embedding_stands_in_for_its_label():
    generator = _small_generator()
    latents, labels = tf.random.stateless_normal([4, 8], [1, 2]), tf.range(4)
    by_label = generator(latents, labels)
    embedding = generator.class_embedding(labels)
    np.testing.assert_array_equal(
        generator(latents, class_embedding=embedding), by_label
    )


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("classes", [0, 5])
def test_every_row_of_the_ablation_builds_and_runs(shared, skip, classes):
    generator = _small_generator(
        shared_embedding=shared, skip_latents=skip, num_classes=classes
    )
    discriminator = biggan.Discriminator(32, num_classes=classes, channel_multiplier=2)
    labels = tf.constant([0, 1]) if classes else None
    images = generator(tf.ones([2, 8]), labels, training=True)
    logits = discriminator(images, labels, training=True)
    assert logits.shape == (2,)
    assert np.all(np.isfinite(logits))


def test_fused_and_plain_networks_agree():
    generator = _small_generator()
    discriminator = biggan.Discriminator(32, num_classes=5, channel_multiplier=2)
    latents, labels = tf.random.stateless_normal([3, 8], [1, 2]), tf.range(3)
    outputs = []
    for fused in (True, False):
        for layer in [*generator._flatten_layers(), *discriminator._flatten_layers()]:
            if hasattr(layer, "fused"):
                layer.fused = fused
        images = generator(latents, labels, batch_statistics=True)
        outputs.append((images, discriminator(images, labels)))
    np.testing.assert_allclose(outputs[0][0], outputs[1][0], atol=1e-5)
    np.testing.assert_allclose(outputs[0][1], outputs[1][1], rtol=1e-4, atol=1e-4)


def test_projection_is_linear_plus_inner_product_of_summed_features():
    discriminator = biggan.Discriminator(32, num_classes=5, channel_multiplier=2)
    images = tf.random.stateless_uniform([2, 32, 32, 3], [1, 2], -1, 1)
    # The same image under each label differs by <e(y) - e(y'), h> alone.
    logits = [discriminator(images, tf.fill([2], y)).numpy() for y in range(5)]
    h = images
    for block in discriminator.blocks:
        h = block(h)
    h = tf.reduce_sum(tf.nn.relu(h), [1, 2]).numpy()
    table = discriminator.embedding(tf.range(5)).numpy()
    for y in range(5):
        np.testing.assert_allclose(
            logits[y] - logits[0], h @ (table[y] - table[0]), rtol=1e-3, atol=1e-3
        )


@pytest.mark.parametrize("resolution", [32, 64])
def test_attention_sits_where_it_is_asked_for(resolution):
    generator = biggan.Generator(
        resolution,
        channel_multiplier=2,
        latent_dim=20,
        attention=(16,),
        skip_latents=False,
    )
    attended = list(generator.attentions)
    assert attended == ["1"]


def test_a_latent_that_does_not_divide_is_refused_with_one_that_does():
    with pytest.raises(InputError, match="latent_dim=10.*4 chunks.*latent_dim=8"):
        _small_generator(latent_dim=10)


def test_an_unknown_resolution_names_those_there_are():
    with pytest.raises(InputError, match="no 48 px form.*32, 64, 128, 256, 512"):
        biggan.Generator(48)


def test_config_rebuilds_the_same_network():
    generator = _small_generator(image_channels=1)
    again = biggan.Generator.from_config(generator.get_config())
    assert [v.shape for v in again.variables] == [v.shape for v in generator.variables]
