"""Neighbour metrics against brute force written from the papers' definitions."""

import numpy as np
import pytest

from tf_smallgan.errors import InputError
from tf_smallgan.evaluation import manifold
from tf_smallgan.evaluation.manifold import (
    compare_manifolds,
    modes_reached,
    nearest_training_images,
    num_cells,
)


def clouds(reals: int = 90, fakes: int = 80) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(reals, 4)), rng.normal(0.7, 0.8, size=(fakes, 4))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.square(a - b).sum()))


def radius(points: np.ndarray, i: int, k: int) -> float:
    others = [distance(points[i], p) for j, p in enumerate(points) if j != i]
    return sorted(others)[k - 1]


def share_inside(points: np.ndarray, balls: np.ndarray, k: int) -> float:
    radii = [radius(balls, i, k) for i in range(len(balls))]
    inside = [any(distance(p, b) <= r for b, r in zip(balls, radii)) for p in points]
    return float(np.mean(inside))


def test_precision_and_recall_equal_brute_force():
    real, fake = clouds()
    found = compare_manifolds(real, fake)
    assert found.precision == pytest.approx(share_inside(fake, real, 3))
    assert found.recall == pytest.approx(share_inside(real, fake, 3))


def test_density_and_coverage_equal_brute_force():
    real, fake = clouds()
    radii = [radius(real, i, 5) for i in range(len(real))]
    held = np.array([[distance(f, r) <= d for r, d in zip(real, radii)] for f in fake])
    found = compare_manifolds(real, fake)
    assert found.density == pytest.approx(held.sum() / (5 * len(fake)))
    assert found.coverage == pytest.approx(held.any(0).mean())


def test_blocks_change_nothing(monkeypatch):
    real, fake = clouds()
    whole = compare_manifolds(real, fake)
    monkeypatch.setattr(manifold, "_BLOCK_ROWS", 7)
    assert compare_manifolds(real, fake) == whole


def test_a_common_offset_changes_nothing():
    real, fake = clouds()
    assert compare_manifolds(real + 1e3, fake + 1e3) == compare_manifolds(real, fake)


def test_copies_have_everything():
    real, _ = clouds()
    found = compare_manifolds(real, real)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    assert nearest_training_images(real, real).ratio == pytest.approx(0, abs=1e-2)


def test_far_away_samples_have_nothing():
    real, fake = clouds()
    assert compare_manifolds(real, fake + 99) == (0, 0, 0, 0)


def test_nearest_training_images():
    real, fake = clouds()
    found = nearest_training_images(real, fake)
    for i, row in enumerate(found.nearest.rows):
        all_distances = [distance(fake[i], r) for r in real]
        assert row == int(np.argmin(all_distances))
        assert found.nearest.distances[i] == pytest.approx(min(all_distances), rel=1e-4)
    spacing = np.median([radius(real, i, 1) for i in range(len(real))])
    expected = np.median(found.nearest.distances) / spacing
    assert found.ratio == pytest.approx(expected, rel=1e-5)


def test_too_few_points():
    real, fake = clouds(5, 5)
    with pytest.raises(InputError, match="at least 6 images"):
        compare_manifolds(real, fake)


def test_modes_are_cells_of_the_reals():
    centers = np.eye(10) * 100
    real = np.concatenate(
        [c + np.random.default_rng(0).normal(size=(10, 10)) for c in centers]
    )
    assert num_cells(len(real)) == 10
    assert modes_reached(real, real) == 10
    assert modes_reached(real, real[:30]) == 3
    assert modes_reached(real, np.repeat(real[:1], 50, axis=0)) == 1


def test_number_of_cells():
    assert [num_cells(n) for n in (2, 50, 1000, 50_000)] == [1, 5, 100, 100]
