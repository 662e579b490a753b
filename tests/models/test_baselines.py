"""SAGAN and SNGAN: what sets them apart from BigGAN, and the rows of its ablation."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.models import baselines, biggan
from tf_smallgan.models.initializers import weights_follow
from tf_smallgan.models.spectral_norm import kernels_of

_GENERATORS = [baselines.SaganGenerator, baselines.SnganGenerator]


def _built(build):
    with tf.Graph().as_default(), weights_follow():
        return build()


def _count(build):
    return sum(math.prod(v.shape) for v in _built(build).trainable_variables)


def test_sngan_is_as_large_as_its_tables_say():
    # By hand from tables 3 and 4 (32 px), ch 256 in G and 128 in D: a 3x3 from a to b
    # channels has 9ab + b weights, a 1x1 ab + b; batch norm has two a channel.
    c = 256
    first = 128 * 16 * c + 16 * c
    block = 2 * (9 * c * c + c) + (c * c + c) + 4 * c
    image = 2 * c + 9 * c * 3 + 3
    assert _count(lambda: baselines.SnganGenerator(32)) == first + 3 * block + image
    d = 128
    whole = 9 * d * d + d
    start = (9 * 3 * d + d) + whole + (3 * d + d)
    rest = 3 * 2 * whole + (d * d + d)
    assert _count(lambda: baselines.SnganDiscriminator(32)) == start + rest + d + 1


@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_sngan_normalises_spectrally_in_d_alone(resolution):
    generator = _built(lambda: baselines.SnganGenerator(resolution, num_classes=3))
    discriminator = _built(
        lambda: baselines.SnganDiscriminator(resolution, num_classes=3)
    )
    assert not any(kernel.spectral for kernel in kernels_of(generator))
    assert all(kernel.spectral for kernel in kernels_of(discriminator))
    assert not generator.attentions and not discriminator.attentions


def test_sngan_d_is_as_wide_inside_as_its_inputs_but_for_the_first_block():
    discriminator = _built(
        lambda: baselines.SnganDiscriminator(64, channel_multiplier=2)
    )
    widths = [block.conv1.weight.kernel.shape[-1] for block in discriminator.blocks]
    assert widths == [2, 2, 4, 8, 16]


@pytest.mark.parametrize(("resolution", "size"), [(32, 16), (64, 32), (128, 32)])
def test_sagan_attends_once_in_each_network(resolution, size):
    for network in (baselines.SaganGenerator, baselines.SaganDiscriminator):
        model = _built(lambda network=network: network(resolution))
        assert [x.name for x in model.attentions.values()] == [f"attention{size}"]
        assert all(kernel.spectral for kernel in kernels_of(model))


@pytest.mark.parametrize("network", _GENERATORS)
def test_classes_are_tables_of_gains_and_the_latent_enters_once(network):
    generator = _built(lambda: network(32, num_classes=7, latent_dim=5))
    assert generator.embedding is None
    assert generator.first.weight.kernel.shape[0] == 5
    for block in generator.blocks:
        assert block.norm1.gain.weight.kernel.shape[0] == 7
        assert not block.norm1.gain.weight.spectral


def test_sagan_with_biggans_changes_and_sizes_is_biggan():
    options = {"num_classes": 9, "channel_multiplier": 96, "latent_dim": 120}
    row_8 = _count(
        lambda: baselines.SaganGenerator(
            128, shared_embedding=True, skip_latents=True, attention=(64,), **options
        )
    )
    assert row_8 == _count(lambda: biggan.Generator(128, **options))


@pytest.mark.parametrize("network", _GENERATORS)
def test_resolutions_that_were_never_published_are_refused(network):
    with pytest.raises(InputError, match="no 256 px form.*32, 64, 128"):
        network(256)


def test_pooled_shortcuts_give_the_other_published_count():
    def build():
        return biggan.Discriminator(256, num_classes=1000, pool_shortcuts=True)

    assert _count(build) == 98_635_298


def test_a_pooled_shortcut_is_the_pooled_input():
    discriminator = biggan.Discriminator(
        256, channel_multiplier=1, attention=(), pool_shortcuts=True
    )
    block = discriminator.blocks[4]
    assert block.shortcut is None and block.down
    # A kernel of zeros has no norm to divide by.
    block.conv2.weight.spectral = False
    block.conv2.weight.kernel.assign(np.zeros(block.conv2.weight.kernel.shape))
    images = tf.random.stateless_normal([1, 4, 4, 8], [1, 2])
    pooled = images.numpy().reshape(1, 2, 2, 2, 2, 8).mean((2, 4))
    np.testing.assert_allclose(block(images), pooled, atol=1e-6)
