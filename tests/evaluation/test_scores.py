"""The classifier's score and conditional accuracy, by hand and by definition."""

import numpy as np
import pytest

from tf_smallgan.evaluation import classifier_score


def certain(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """[N, K] logits of a classifier without doubt."""
    return np.eye(num_classes, dtype=np.float32)[labels] * 60


def by_definition(logits: np.ndarray) -> float:
    p = np.exp(logits - logits.max(1, keepdims=True), dtype=np.float64)
    p /= p.sum(1, keepdims=True)
    return float(np.exp(np.mean(np.sum(p * (np.log(p) - np.log(p.mean(0))), axis=1))))


def test_even_and_certain_gives_the_number_of_classes():
    found = classifier_score.classifier_score(certain(np.arange(400) % 8, 8))
    assert found.value == pytest.approx(8, rel=1e-6)


def test_one_class_or_no_idea_gives_one():
    assert classifier_score.classifier_score(certain(np.zeros(50, int), 8)).value == 1
    assert classifier_score.classifier_score(np.zeros((50, 8))).value == pytest.approx(
        1
    )


def test_equals_the_definition():
    logits = np.random.default_rng(0).normal(size=(230, 6)) * 2
    found = classifier_score.classifier_score(logits)
    assert found.value == pytest.approx(by_definition(logits), rel=1e-9)
    parts = [by_definition(part) for part in np.array_split(logits, 10)]
    assert found.split_mean == pytest.approx(np.mean(parts), rel=1e-9)
    assert found.split_deviation == pytest.approx(np.std(parts), rel=1e-9)


def test_conditional_accuracy():
    asked = np.array([0, 0, 1, 1])
    logits = certain(np.array([0, 0, 1, 2]), 3)
    assert classifier_score.conditional_accuracy(logits, asked) == 0.75
    assert classifier_score.class_accuracies(logits, asked) == {0: 1.0, 1: 0.5}
    assert classifier_score.classes_reached(logits) == 3
