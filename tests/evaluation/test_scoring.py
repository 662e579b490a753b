"""Names carry feature space and count; what cannot be computed is said."""

import dataclasses

import numpy as np
import pytest

from tf_smallgan.evaluation.evaluator import count_name, metric_name, score
from tf_smallgan.evaluation.features import Collected
from tf_smallgan.evaluation.frechet import Moments
from tf_smallgan.evaluation.reference import Reference
from tf_smallgan.evaluation.results import QUANTITIES


def collected(count: int, seed: int, logits: bool = True) -> Collected:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 16)).astype(np.float32)
    labels = (np.arange(count) % 3).astype(np.int32)
    return Collected(
        Moments.of(features), features, features[:, :3] if logits else None, labels
    )


def reference_of(found: Collected) -> Reference:
    gaussian = found.moments.gaussian()
    records = np.arange(found.count)
    return Reference(
        gaussian, found.count, found.features, found.labels, records, {}, "file"
    )


@pytest.fixture
def classes_space(pixel_space):
    return dataclasses.replace(pixel_space, name="classifier", knows_classes=True)


def test_counts():
    names = [count_name(n) for n in (10_000, 1000, 2500, 200, 50_000)]
    assert names == ["10k", "1k", "2500", "200", "50k"]


@pytest.mark.parametrize("quantity", ["frechet_distance", "kernel_distance", "score"])
def test_known_names_are_inceptions_alone(pixel_space, quantity):
    known = {
        "frechet_distance": "fid_1k",
        "kernel_distance": "kid_1k",
        "score": "inception_score_1k",
    }[quantity]
    inception = dataclasses.replace(pixel_space, name="inception")
    assert metric_name(inception, quantity, 1000) == known
    for name in ("classifier", "custom_inception", "pixels"):
        other = metric_name(dataclasses.replace(pixel_space, name=name), quantity, 1000)
        assert other == f"{name}_{quantity}_1k"


def test_all_scores_are_there_and_described(classes_space):
    reference = reference_of(collected(120, 0))
    found = score(classes_space, reference, collected(90, 1), num_classes=3)
    assert set(found.quantities.values()) == set(QUANTITIES)
    assert all(np.isfinite(value) for value in found.values.values())
    assert found.values["classifier_precision_90"] <= 1
    assert set(found.class_distances) == {0, 1, 2}
    assert len(found.nearest.rows) == 90
    (note,) = found.notes
    assert "over 3 classes, of 30 images and more a class" in note
    assert found.value_of("conditional_accuracy") == pytest.approx(
        np.mean(collected(90, 1).logits.argmax(1) == np.arange(90) % 3)
    )


def test_imported_statistics_give_the_frechet_distance_alone(pixel_space):
    reference = dataclasses.replace(reference_of(collected(120, 0)), features=None)
    found = score(pixel_space, reference, collected(90, 1, logits=False), num_classes=3)
    assert list(found.values) == ["pixels_frechet_distance_90"]
    assert "mean and covariance alone" in found.notes[-1]
    assert "no logits layer" in found.notes[0]


def test_few_samples_are_said(classes_space):
    reference = reference_of(collected(120, 0))
    found = score(classes_space, reference, collected(5, 1), num_classes=3)
    notes = " ".join(found.notes)
    assert "5 samples are not more than the 16 dimensions" in notes
    assert "5 images are too few for precision" in notes
    assert "No class has 20 images" in notes
    assert np.isfinite(found.values["classifier_frechet_distance_5"])


def test_no_labels_no_accuracy(classes_space):
    reference = reference_of(collected(120, 0))
    found = score(classes_space, reference, collected(90, 1), num_classes=0)
    assert "conditional_accuracy" not in found.values and not found.class_distances
