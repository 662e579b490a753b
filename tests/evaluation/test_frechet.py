"""The Frechet distance against SciPy, NumPy, closed forms and itself."""

import numpy as np
import pytest
import scipy.linalg

from tf_smallgan.errors import InputError
from tf_smallgan.evaluation import frechet
from tf_smallgan.evaluation.frechet import Gaussian, Moments


def features(count: int, dim: int, seed: int, scale: float = 1.0) -> np.ndarray:
    """[count, dim] like a network's: non-negative, with a falling spectrum."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(count, dim)) * np.logspace(0, -3, dim)
    turn = np.linalg.qr(np.random.default_rng(9).normal(size=(dim, dim)))[0]
    return np.maximum(mixed @ turn + 0.05 * seed, 0) * scale


def distance(x: np.ndarray, y: np.ndarray) -> float:
    return frechet.frechet_distance(Moments.of(x).gaussian(), Moments.of(y).gaussian())


def by_scipy(x: np.ndarray, y: np.ndarray) -> float:
    """As the field's first implementations have it: SciPy's root of the product."""
    covariances = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    means = np.square(x.mean(0) - y.mean(0)).sum()
    return float(means + sum(map(np.trace, covariances)) - 2 * np.trace(root).real)


def by_numpy(x: np.ndarray, y: np.ndarray) -> float:
    """By the eigenvalues of the product, NumPy alone."""
    covariances = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    values = np.linalg.eigvals(covariances[0] @ covariances[1])
    means = np.square(x.mean(0) - y.mean(0)).sum()
    roots = np.sqrt(np.maximum(values.real, 0)).sum()
    return float(means + sum(map(np.trace, covariances)) - 2 * roots)


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4])
@pytest.mark.parametrize("dim", [8, 64, 128])
def test_equals_scipy_and_numpy(dim, scale):
    x, y = features(600, dim, 1, scale), features(700, dim, 2, scale)
    assert distance(x, y) == pytest.approx(by_scipy(x, y), rel=1e-6)
    assert distance(x, y) == pytest.approx(by_numpy(x, y), rel=1e-6)


def test_closed_form_of_diagonal_gaussians():
    a = Gaussian(np.array([1.0, 0.0]), np.diag([4.0, 9.0]))
    b = Gaussian(np.array([0.0, 2.0]), np.diag([1.0, 16.0]))
    # |m|^2 = 5; variances: (2 - 1)^2 + (3 - 4)^2 = 2.
    assert frechet.frechet_distance(a, b) == pytest.approx(7.0, rel=1e-12)


def test_is_a_distance():
    x, y = features(300, 16, 1), features(300, 16, 2)
    assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-9)
    assert distance(x, x) < 1e-9
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(16, 16)))[0]
    assert distance(x @ turn, y @ turn) == pytest.approx(distance(x, y), rel=1e-9)


@pytest.mark.parametrize("count", [2, 20, 63])
def test_fewer_samples_than_dimensions(count):
    x, y = features(500, 64, 1), features(count, 64, 2)
    few = frechet.frechet_distance_of_points(x[:40], y[:40])
    assert few == pytest.approx(distance(x[:40], y[:40]), rel=1e-6)
    assert distance(x, y) == pytest.approx(by_numpy(x, y), rel=1e-6)


def test_features_that_never_fire():
    x, y = features(300, 32, 1), features(300, 32, 2)
    dead = np.zeros((300, 32))
    with_dead = distance(np.hstack([x, dead]), np.hstack([y, dead]))
    assert with_dead == pytest.approx(distance(x, y), rel=1e-8)


def test_all_samples_alike():
    x = features(300, 8, 1)
    y = np.repeat(x[:1], 300, axis=0)
    expected = np.square(x.mean(0) - x[0]).sum() + np.trace(np.cov(x, rowvar=False))
    assert distance(x, y) == pytest.approx(expected, rel=1e-9)


def test_by_class():
    x, labels = features(90, 8, 1), np.arange(90) % 3
    y = features(90, 8, 2)
    found = frechet.class_frechet_distances(x, labels, y, np.minimum(labels, 1))
    assert set(found) == {0, 1}
    expected = distance(x[labels == 0], y[labels == 0])
    assert found[0] == pytest.approx(expected, rel=1e-9)


def test_a_class_with_few_images_is_left_out():
    x, labels = features(90, 8, 1), np.r_[np.zeros(80), np.ones(10)].astype(int)
    assert set(frechet.class_frechet_distances(x, labels, x, labels)) == {0}


def test_other_dimensions_are_refused():
    a, b = Moments.of(features(9, 4, 1)), Moments.of(features(9, 5, 1))
    with pytest.raises(InputError, match="4 and 5 dimensions"):
        frechet.frechet_distance(a.gaussian(), b.gaussian())
