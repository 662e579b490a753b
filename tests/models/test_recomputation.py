"""Recomputed blocks: the same values, gradients and state as kept ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.models import biggan, biggan_deep
from tf_smallgan.models.blocks import DiscriminatorBlock
from tf_smallgan.models.recomputation import run_block

COMMON = {"num_classes": 3, "channel_multiplier": 2, "attention": (16,)}


def _generator(remat):
    keras.utils.set_random_seed(4)
    return biggan.Generator(32, latent_dim=8, remat=remat, **COMMON)


def _trained_once(model, *inputs):
    """A training call's output, the gradient of inputs and weights, new variables."""

    @tf.function(autograph=False)
    def run(*inputs):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([inputs[0], *(v.value for v in model.trainable_variables)])
            outputs = model(*inputs, training=True)
            loss = tf.reduce_sum(outputs * tf.cos(outputs))
        return outputs, tape.gradient(loss, [inputs[0], *model.trainable_variables])

    outputs, gradients = run(*inputs)
    dense = [tf.convert_to_tensor(g) for g in gradients]
    return outputs, dense, list(model.variables)


def _assert_same(kept, recomputed):
    np.testing.assert_allclose(kept[0], recomputed[0], rtol=1e-5, atol=1e-5)
    for a, b in zip(kept[1], recomputed[1]):
        scale = np.abs(a).max() + 1e-3
        np.testing.assert_allclose(a, b, atol=1e-4 * scale)
    for a, b in zip(kept[2], recomputed[2]):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=a.path)


LATENTS = tf.random.stateless_normal([4, 8], [0, 1])
LABELS = tf.constant([0, 1, 2, 0])


@pytest.fixture(scope="module")
def kept():
    return _trained_once(_generator(False), LATENTS, LABELS)


def test_the_generator_does_not_change(kept):
    """Statistics and vectors of spectral norm, which move once, among the variables."""
    _assert_same(kept, _trained_once(_generator(True), LATENTS, LABELS))
    untrained = _generator(True).non_trainable_variables
    trained = [v for v in kept[2] if not v.trainable]
    for before, after in zip(untrained, trained):
        if before.shape[-1] > 1:  # The vector of a kernel with one output is always 1.
            assert np.abs(before.numpy() - after.numpy()).max() > 0, after.path


def test_the_discriminator_does_not_change(kept):
    results = []
    for remat in (False, True):
        keras.utils.set_random_seed(5)
        model = biggan.Discriminator(32, remat=remat, **COMMON)
        results.append(_trained_once(model, kept[0], LABELS))
    _assert_same(*results)


@pytest.mark.slow
def test_replicas_share_statistics_in_the_second_pass_too(kept, two_replicas):
    """The gradient of two halves is that of the whole batch."""
    with two_replicas.scope():
        model = _generator(True)

    def replica():
        context = tf.distribute.get_replica_context()
        part = context.replica_id_in_sync_group * 2 + tf.range(2)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([v.value for v in model.trainable_variables])
            images = model(
                tf.gather(LATENTS, part), tf.gather(LABELS, part), training=True
            )
            loss = tf.reduce_sum(images * tf.cos(images))
        gradients = tape.gradient(loss, model.trainable_variables)
        dense = [tf.convert_to_tensor(g) for g in gradients]
        return context.all_reduce(tf.distribute.ReduceOp.SUM, dense)

    gradients = tf.function(lambda: two_replicas.run(replica), autograph=False)()
    largest = max(np.abs(x).max() for x in kept[1][1:])
    for expected, found in zip(kept[1][1:], gradients):
        found = two_replicas.experimental_local_results(found)[0]
        # A bias before batch norm has no gradient but rounding.
        np.testing.assert_allclose(found, expected, atol=1e-5 * largest, rtol=1e-3)


def test_blocks_of_deep_networks_without_a_condition():
    results = []
    for remat in (False, True):
        keras.utils.set_random_seed(6)
        model = biggan_deep.Discriminator(128, channel_multiplier=1, remat=remat)
        block = model.blocks[0]
        images = tf.random.stateless_normal(
            [2, 8, 8, block.conv1.weight.kernel.shape[2]], [0, 1]
        )
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = run_block(block, images, remat=remat, training=True)
        results.append((outputs, [tape.gradient(outputs, images)], block.variables))
    _assert_same(*results)


@pytest.mark.parametrize("remat", [False, True])
def test_activations_inside_a_block_are_not_kept(remat):
    """The second pass has convolutions of its own, which wait for the gradient."""
    block = DiscriminatorBlock(
        4, 4, down=False, preactivation=True, convolution={"spectral": False}
    )

    @tf.function(autograph=False)
    def run(images):
        with tf.GradientTape() as tape:
            outputs = run_block(block, images, remat=remat, training=True)
        return tape.gradient(outputs, block.trainable_variables)

    graph = run.get_concrete_function(tf.TensorSpec([2, 8, 8, 4])).graph
    convolutions = [x for x in graph.get_operations() if x.type == "Conv2D"]
    assert len(convolutions) == (4 if remat else 2)
