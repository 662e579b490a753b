"""Class balance: quotas, and what selection does to labels with and without."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.config.flags import DataFlags
from tf_smallgan.data import batches, selection
from tf_smallgan.data import dataset as sources
from tf_smallgan.randomness import Purpose, stream


def _quotas(labels: np.ndarray, k: int, classes: int, draw: int = 0) -> np.ndarray:
    seed = stream(0, Purpose.IMAGE_SELECTION, draw)
    labels = tf.constant(labels, tf.int32)
    return selection.class_quotas(labels, k, classes, seed).numpy()


def test_quotas_are_exact_where_shares_are_whole():
    labels = np.repeat([0, 1, 3], [8, 4, 12])
    np.testing.assert_array_equal(_quotas(labels, 6, 4), [2, 1, 0, 3])


@pytest.mark.parametrize("classes", [3, 10, 1000])
def test_quotas_sum_to_k_and_never_exceed_a_class(classes):
    labels = np.random.RandomState(0).randint(0, classes, 128)
    counts = np.bincount(labels, minlength=classes)
    for draw in range(20):
        for k in (1, 16, 128):
            quotas = _quotas(labels, k, classes, draw)
            assert quotas.sum() == k
            assert (quotas >= 0).all() and (quotas <= counts).all()
            assert (np.abs(quotas - counts * k / 128) < 1).all()


def test_quotas_are_the_share_on_average():
    labels = np.repeat(np.arange(20), [1, 2] * 10)
    mean = np.mean([_quotas(labels, 7, 20, draw) for draw in range(200)], axis=0)
    np.testing.assert_allclose(mean, np.array([1, 2] * 10) * 7 / 30, atol=0.15)


def _farthest(points: np.ndarray, k: int) -> list[int]:
    nearest, chosen = np.full(len(points), np.inf), []
    for _ in range(k):
        chosen.append(int(nearest.argmax()))
        distances = ((points - points[chosen[-1]]) ** 2).sum(axis=1)
        nearest = np.minimum(nearest, distances)
        nearest[chosen] = -1
    return chosen


@pytest.mark.parametrize("duplicates", [False, True])
def test_choice_is_farthest_points_within_each_class(duplicates):
    rng = np.random.RandomState(1)
    points = rng.randn(90, 5).astype(np.float32)
    if duplicates:
        points[:] = points[:1]
    labels = rng.randint(0, 7, 90).astype(np.int32)
    quotas = _quotas(labels, 30, 7)
    chosen = selection.per_class_k_center(
        tf.constant(points), tf.constant(labels), tf.constant(quotas), 30
    ).numpy()
    assert len(set(chosen)) == 30
    for label in range(7):
        members = np.flatnonzero(labels == label)
        expected = members[_farthest(points[members], quotas[label])]
        np.testing.assert_array_equal(chosen[labels[chosen] == label], expected)


@pytest.fixture(scope="module")
def digits():
    """Digits, embedded by their pixels."""
    from sklearn.datasets import load_digits

    source = sources.open_source(DataFlags())
    table = source.scan()
    return source.reader(table), table, load_digits().data.astype(np.float32)


def _class_masses(digits, **changes) -> np.ndarray:
    """Each class's share of the weight of about four epochs of batches."""
    plan = batches.BatchPlan(
        seed=0, batch_size=64, oversample=4, resolution=8, channels=1
    )
    plan = dataclasses.replace(plan, **changes)
    dataset = batches.training_dataset(*digits, plan, 0, [0]).take(28)
    masses = np.zeros(10)
    for element in dataset.as_numpy_iterator():
        np.add.at(masses, element["label"].ravel(), element["weight"].ravel())
    return masses / masses.sum()


def test_k_center_distorts_labels_and_balance_mends_it(digits):
    """On digits' pixels zeros come half as often as they should."""
    true = np.bincount(digits[1].labels) / len(digits[1].labels)
    plain = np.abs(_class_masses(digits) / true - 1)
    mended = np.abs(_class_masses(digits, per_class_balance=True) / true - 1)
    assert plain.max() > 0.3
    assert mended.max() < 0.06


@pytest.mark.parametrize("spread", [1.0, 0.001])
@pytest.mark.parametrize("k", [8, 150])
def test_weights_are_shares_within_classes(k, spread):
    rng = np.random.RandomState(2)
    sizes = np.array([30, 20, 20, 13, 3, 1, 1, 1, 1]) * (1 if k == 8 else 5)
    labels = np.repeat(np.arange(9), sizes).astype(np.int32)
    centres = 10 * rng.randn(9, 5)
    points = (centres[labels] + spread * rng.randn(len(labels), 5)).astype(np.float32)
    quotas = _quotas(labels, k, 9)
    assert quotas.max() > 1 and (k > 8 or 0 in quotas)
    chosen = selection.per_class_k_center(
        tf.constant(points), tf.constant(labels), tf.constant(quotas), k
    )
    weights = selection.weights_within_classes(
        tf.constant(points), tf.constant(labels), chosen, 9
    ).numpy()
    chosen, exact = chosen.numpy(), points.astype(np.float64)
    for label in np.unique(labels[chosen]):
        members = np.flatnonzero(labels == label)
        mine = chosen[labels[chosen] == label]
        away = ((exact[members, None] - exact[mine]) ** 2).sum(-1)
        share = np.bincount(away.argmin(1), minlength=len(mine)) / len(members)
        found = weights[labels[chosen] == label]
        np.testing.assert_allclose(found, share * quotas[label], rtol=1e-6)
    np.testing.assert_allclose(weights.sum(), k, rtol=1e-6)


def test_weighted_or_not_a_class_counts_as_often(digits):
    """What is near across classes once gave a class the weight of another's images."""
    masses = _class_masses(digits, weights=True, per_class_balance=True)
    true = np.bincount(digits[1].labels) / len(digits[1].labels)
    np.testing.assert_allclose(masses / true, 1, atol=0.06)
