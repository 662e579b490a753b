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
