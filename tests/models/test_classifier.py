"""The small classifier takes every resolution there is."""

import numpy as np
import pytest

from tf_smallgan.models.classifier import FEATURE_DIM, Classifier, build_classifier


@pytest.mark.parametrize(("resolution", "channels"), [(32, 1), (64, 3), (128, 3)])
def test_features_and_logits_have_their_shapes(resolution, channels):
    model = build_classifier(resolution, channels, num_classes=7)
    classifier = Classifier(model, accuracy=0.5, weights_hash="")
    images = np.full((2, resolution, resolution, channels), 200, np.uint8)
    features, logits = classifier.features_and_logits(images)
    assert features.shape == (2, FEATURE_DIM)
    assert logits.shape == (2, 7)
    np.testing.assert_array_equal(classifier.features(images), features)


def test_a_copy_lies_on_each_replica(two_replicas):
    model = build_classifier(32, 1, num_classes=7)
    classifier = Classifier(model, accuracy=0.5, weights_hash="")
    assert classifier.on(None) is classifier
    copy = classifier.on(two_replicas)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1), np.uint8)
    for original, weight in zip(model.weights, copy.model.weights, strict=True):
        parts = two_replicas.experimental_local_results(weight.value)
        assert len(parts) == 2
        for part in parts:
            np.testing.assert_array_equal(part, original)
    np.testing.assert_allclose(
        copy.features(images), classifier.features(images), rtol=1e-5
    )
