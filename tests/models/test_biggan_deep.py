"""BigGAN-deep: exact sizes, and what its blocks do with channels and latents."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.models import biggan_deep
from tf_smallgan.models.convolution import Convolution, average_pool, convolve
from tf_smallgan.models.deep_blocks import (
    CutConvolution,
    DeepDiscriminatorBlock,
    DeepGeneratorBlock,
)
from tf_smallgan.models.initializers import weights_follow


def _count(build):
    with tf.Graph().as_default(), weights_follow():
        return sum(math.prod(v.shape) for v in build().trainable_variables)


@pytest.mark.parametrize(
    ("resolution", "parameters"),
    [(128, 50_388_609), (256, 55_880_833), (512, 56_163_905)],
)
def test_generator_has_the_released_number_of_parameters(resolution, parameters):
    build = lambda: biggan_deep.Generator(resolution, num_classes=1000)  # noqa: E731
    assert _count(build) == parameters


def test_a_lean_last_convolution_saves_what_is_never_seen():
    def build():
        return biggan_deep.Generator(128, num_classes=1000, lean_to_image=True)

    assert _count(build) == 50_244_484
    assert 50_388_609 - 50_244_484 == (128 - 3) * (9 * 128 + 1)


def test_discriminator_has_the_published_number_of_parameters():
    build = lambda: biggan_deep.Discriminator(128, num_classes=1000)  # noqa: E731
    assert _count(build) == 34_590_210


@pytest.mark.parametrize("resolution", [256, 512])
def test_discriminator_has_a_resolution_of_four_at_its_end(resolution):
    with tf.Graph().as_default(), weights_follow():
        discriminator = biggan_deep.Discriminator(resolution, channel_multiplier=1)
        h = discriminator.stem(tf.zeros([1, resolution, resolution, 3]))
        sizes = {}
        for i, block in enumerate(discriminator.blocks):
            h = block(h)
            sizes[str(i)] = h.shape[1]
    assert h.shape[1:] == (4, 4, 16)
    assert [sizes[i] for i in discriminator.attentions] == [64]


@pytest.mark.parametrize("resolution", [32, 64])
def test_small_images_are_refused(resolution):
    for network in (biggan_deep.Generator, biggan_deep.Discriminator):
        with pytest.raises(InputError, match=f"no {resolution} px form.*128, 256, 512"):
            network(resolution)


def _plain_norm(channels, name):
    """Neither normalises nor activates, so that blocks become linear."""
    return lambda images, condition, training=False: images


def _set(convolution, kernel):
    convolution.weight.kernel.assign(kernel)


def test_generator_block_keeps_the_first_channels_in_its_shortcut():
    block = DeepGeneratorBlock(
        8, 4, up=True, norm=_plain_norm, convolution={"spectral": False}
    )
    _set(block.conv4, tf.zeros([1, 1, 2, 4]))
    images = tf.random.stateless_normal([2, 3, 3, 8], [1, 2])
    expected = np.repeat(np.repeat(images[..., :4], 2, 1), 2, 2)
    np.testing.assert_allclose(block(images, None), expected, rtol=1e-6)


def test_discriminator_block_adds_channels_in_its_shortcut():
    block = DeepDiscriminatorBlock(
        2, 8, down=True, convolution={"spectral": False, "fused": False}
    )
    _set(block.conv4, tf.zeros([1, 1, 2, 8]))
    images = tf.random.stateless_normal([2, 4, 4, 2], [1, 2])
    pooled = average_pool(images)
    outputs = block(images)
    np.testing.assert_allclose(outputs[..., :2], pooled, rtol=1e-6)
    extra = convolve(pooled, block.extra.weight.kernel.value)
    np.testing.assert_allclose(outputs[..., 2:], extra, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["generator", "discriminator"])
def test_fused_and_plain_blocks_agree_in_value_and_gradient(kind):
    if kind == "generator":
        block = DeepGeneratorBlock(8, 4, up=True, norm=_plain_norm, convolution={})
        call = lambda x: block(x, None)  # noqa: E731
    else:
        block = DeepDiscriminatorBlock(8, 16, down=True, convolution={})
        call = block
    images = tf.random.stateless_normal([2, 4, 4, 8], [1, 2])
    results = []
    for fused in (True, False):
        for layer in block._flatten_layers():
            if hasattr(layer, "fused"):
                layer.fused = fused
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = call(images)
            loss = tf.reduce_sum(outputs**2)
        results.append((outputs, tape.gradient(loss, images)))
    for fused, plain in zip(*results):
        np.testing.assert_allclose(fused, plain, rtol=1e-4, atol=1e-5)


def test_a_cut_convolution_is_the_start_of_the_whole_one():
    cut = CutConvolution(4, 6, kept=3)
    whole = Convolution(4, 6)
    for variable in (cut.whole_bias, whole.bias):
        variable.assign(tf.range(6.0))
    whole.weight.kernel.assign(cut.weight.kernel)
    whole.weight.right.assign(cut.weight.right)
    images = tf.random.stateless_normal([2, 5, 5, 4], [1, 2])
    np.testing.assert_allclose(cut(images), whole(images)[..., :3], atol=1e-6)
    before = np.array(cut(images))
    cut.fold()
    np.testing.assert_allclose(cut(images), before, atol=1e-6)


@pytest.fixture(scope="module")
def generator():
    return biggan_deep.Generator(
        128, num_classes=3, channel_multiplier=2, latent_dim=4, image_channels=1
    )


def test_images_come_from_the_whole_latent_and_the_label(generator):
    label, base = tf.constant([2]), np.zeros((1, 4), np.float32)
    image = generator(base, label, batch_statistics=True).numpy()
    assert image.shape == (1, 128, 128, 1)
    changed = np.array([[0, 0, 0, 1]], np.float32)
    for latents, other in ((changed, label), (base, tf.constant([1]))):
        images = generator(latents, other, batch_statistics=True).numpy()
        assert np.abs(images - image).max() > 1e-4
    embedding = generator.class_embedding(label)
    again = generator(base, class_embedding=embedding, batch_statistics=True)
    np.testing.assert_array_equal(again, image)


def test_every_block_is_conditioned_on_class_and_whole_latent(generator):
    for block in generator.blocks:
        for number in range(1, 5):
            gain = getattr(block, f"norm{number}").gain
            assert gain.weight.kernel.shape[0] == 128 + 4


def test_config_rebuilds_the_same_network(generator):
    assert generator.get_config()["lean_to_image"] is False
    again = biggan_deep.Generator.from_config(generator.get_config())
    shapes = [tuple(v.shape) for v in generator.variables]
    assert [tuple(v.shape) for v in again.variables] == shapes
