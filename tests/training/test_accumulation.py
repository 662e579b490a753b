"""Gradient accumulation: parts make the same update as the whole batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import stepping
from tf_smallgan import config as config_lib
from tf_smallgan import coreset
from tf_smallgan.config import checks
from tf_smallgan.errors import InputError
from tf_smallgan.models import biggan
from tf_smallgan.models.convolution import Dense
from tf_smallgan.models.spectral_norm import iterate_once
from tf_smallgan.training.accumulation import accumulate, cut
from tf_smallgan.training.prior import LatentBatch


@pytest.fixture
def one():
    return tf.distribute.OneDeviceStrategy("CPU:0")


def test_parts_equal_the_whole(monkeypatch, one):
    """With core-sets, weights, regularisation; spectral norm's vectors among them."""
    stepping.fixed_batch_norm(monkeypatch)
    whole = stepping.train(one)
    stepping.assert_same(stepping.train(one, microbatches=2), whole)


@pytest.mark.slow
def test_parts_on_replicas_equal_the_whole(monkeypatch, one, two_replicas):
    stepping.fixed_batch_norm(monkeypatch)
    whole = stepping.train(one)
    stepping.assert_same(stepping.train(two_replicas, microbatches=2), whole)


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.05)]
)
def test_gradients_of_parts_are_those_of_the_whole(precision, tolerance):
    keras.utils.set_random_seed(2)
    model = biggan.Discriminator(
        32, num_classes=3, channel_multiplier=2, precision=precision
    )
    rng = np.random.default_rng(0)
    images = tf.constant(rng.uniform(-1, 1, (8, 32, 32, 3)), tf.float32)
    batch = LatentBatch(images, tf.constant([0, 1, 2, 0, 1, 2, 0, 1]), tf.ones([8]))

    def one(batch):
        with tf.GradientTape() as tape:
            logits = model(batch.latents, batch.labels, training=True)
            loss = tf.reduce_sum(logits * batch.weights) / 8
        return tape.gradient(loss, model.trainable_variables), {"loss": loss}

    @tf.function(autograph=False)
    def run(parts):
        with iterate_once():
            gradients, metrics = accumulate([(x,) for x in cut(batch, parts)], one)
        return [tf.convert_to_tensor(g) for g in gradients], metrics

    before = [v.numpy() for v in model.variables]
    results = []
    for parts in (1, 4):
        for variable, value in zip(model.variables, before):
            variable.assign(value)
        results.append(run(parts))
    (whole, whole_metrics), (parts, parts_metrics) = results
    np.testing.assert_allclose(
        whole_metrics["loss"], parts_metrics["loss"], rtol=tolerance
    )
    for a, b in zip(whole, parts):
        np.testing.assert_allclose(a, b, atol=tolerance * np.abs(a).max())


def test_parts_are_dealt_and_what_is_missing_stays_so():
    batch = LatentBatch(tf.reshape(tf.range(8), [4, 2]), None, tf.range(4))
    first, second = cut(batch, 2)
    np.testing.assert_array_equal(first.latents, [[0, 1], [4, 5]])
    np.testing.assert_array_equal(second.weights, [1, 3])
    assert first.labels is None


@pytest.mark.parametrize(
    ("method", "feature"),
    [
        # Remote ones are picked first.
        ("k_center", lambda x: tf.reduce_sum(x**2, -1, keepdims=True)),
        # They come place by place.
        ("balanced", tf.identity),
    ],
)
def test_parts_of_a_core_set_are_distributed_alike(method, feature):
    """Else batch norm would see remote latents in one part, central ones in another."""
    dealt, in_order = [], []
    for draw in range(20):
        points = tf.random.stateless_normal([256, 2], [draw, 4])
        seed = tf.constant([draw, 2])
        chosen = feature(tf.gather(points, coreset.select(method, points, 64, seed)))
        dealt.append([x.latents for x in cut(LatentBatch(chosen, None, chosen), 4)])
        in_order.append(tf.split(chosen, 4))

    def spread(draws):
        """Of the parts' means [draws, parts, B / parts, ...] over all draws."""
        return np.std(np.mean(draws, axis=(0, 2)), axis=0).max()

    assert spread(dealt) < 0.6 * spread(in_order)


def test_parts_wait_for_one_another():
    """Else their activations would be in memory side by side."""

    def one(batch):
        total = tf.reduce_sum(batch.latents)
        return [total], {"total": total}

    @tf.function(autograph=False)
    def run(latents):
        batch = LatentBatch(latents, None, latents[:, 0])
        return accumulate([(part,) for part in cut(batch, 2)], one)

    graph = run.get_concrete_function(tf.TensorSpec([4, 2])).graph
    sums = [x for x in graph.get_operations() if x.type == "Sum"]
    assert len(sums) == 2
    late = sums[1].inputs[0].op
    assert sums[0] in late.control_inputs
    np.testing.assert_allclose(run(tf.ones([4, 2]))[1]["total"], 8)


def test_a_kernel_iterates_once_and_keeps_its_norm():
    layer = Dense(5, 4)
    before = layer.weight.right.numpy()
    with iterate_once():
        first = layer.weight.sigma(training=True)
        after = layer.weight.right.numpy()
        second = layer.weight.sigma(training=True)
    assert np.abs(after - before).max() > 0
    np.testing.assert_array_equal(layer.weight.right.numpy(), after)
    np.testing.assert_array_equal(first, second)
    layer.weight.sigma(training=True)
    assert np.abs(layer.weight.right.numpy() - after).max() > 0


def test_a_batch_that_does_not_divide_is_refused():
    given = config_lib.parse(["--batch_size=12", "--microbatches=3"])
    checks.check_run(given, replicas=2)
    with pytest.raises(InputError, match="multiple of 8"):
        checks.check_run(config_lib.replace(given, microbatches=4), replicas=2)
