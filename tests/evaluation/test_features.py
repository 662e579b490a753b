"""Collection in one pass: streaming is batch, replicas change nothing."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.distribution.replicas import OnReplicas
from tf_smallgan.evaluation import features as features_lib
from tf_smallgan.evaluation.features import Collector, classifier_space

IMAGES = np.random.default_rng(0).integers(0, 256, (150, 8, 8, 1), np.uint8)
LABELS = np.arange(150, dtype=np.int32) % 3


def collect(space, sizes, strategy=None):
    collector = Collector(space, strategy)
    cuts = np.cumsum(sizes)[:-1]
    collector.append(list(zip(np.split(IMAGES, cuts), np.split(LABELS, cuts))))
    return collector.collected()


def test_streaming_is_batch(pixel_space):
    found = collect(pixel_space, (64, 64, 22))
    expected, logits = pixel_space.function(tf.constant(IMAGES))
    np.testing.assert_allclose(found.features, expected, rtol=1e-6)
    np.testing.assert_allclose(found.logits, logits, rtol=1e-6)
    np.testing.assert_array_equal(found.labels, LABELS)
    wide = np.cov(found.features.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(found.moments.gaussian().covariance, wide, rtol=1e-9)
    assert found.count == 150


@pytest.mark.parametrize("sizes", [(64, 64, 22), (50, 50, 50), (64, 64, 21, 1)])
def test_two_replicas_give_what_one_gives(pixel_space, two_replicas, sizes):
    one, two = collect(pixel_space, sizes), collect(pixel_space, sizes, two_replicas)
    np.testing.assert_array_equal(one.features, two.features)
    for a, b in zip(one.moments.gaussian(), two.moments.gaussian()):
        np.testing.assert_array_equal(a, b)


def test_classifier_on_two_replicas(data, two_replicas):
    images = next(iter(data.images().batch(80)))[0].numpy()
    batches = [(part, np.zeros(40, np.int32)) for part in np.split(images, 2)]
    found = []
    for strategy in (None, two_replicas):
        collector = Collector(classifier_space(data.classifier(), strategy), strategy)
        collector.append(batches)
        found.append(collector.collected())
    np.testing.assert_allclose(found[0].features, found[1].features, atol=1e-5)


def test_kept_features_are_bounded(pixel_space, monkeypatch):
    monkeypatch.setattr(features_lib, "MOST_POINTS", 100)
    found = collect(pixel_space, (64, 64, 22))
    assert len(found.features) == len(found.point_labels) == 100
    assert found.count == len(found.labels) == len(found.logits) == 150


def test_a_space_without_logits(pixel_space):
    features_only = features_lib.dataclasses.replace(
        pixel_space, function=lambda images: (pixel_space.function(images)[0], None)
    )
    assert collect(features_only, (64, 64, 22)).logits is None


def test_results_come_in_order(two_replicas):
    double = OnReplicas(lambda x: 2 * x, two_replicas, shared=False)
    chunks = [(np.array([i, i]),) for i in range(5)]
    assert [int(x[0]) for x in double(chunks)] == [0, 2, 4, 6, 8]
