"""Each sibling of greedy k-center by its own property."""

import itertools
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.coreset import reference
from tf_smallgan import coreset
from tf_smallgan.errors import InputError

DRAWS = 3000
# The seeds are fixed, so a test at this level either always passes or never does.
LEAST_P_VALUE = 1e-3


def many(method: str, points: np.ndarray, k: int) -> np.ndarray:
    """[DRAWS, k] selections, one for each seed."""

    @tf.function(autograph=False)
    def draw(step: tf.Tensor) -> tf.Tensor:
        return coreset.select(method, points, k, tf.stack([7, step]))

    data = tf.data.Dataset.range(DRAWS, output_type=tf.int32).map(draw)
    return np.stack(list(data.as_numpy_iterator()))


def assert_distribution(outcomes: list, probabilities: dict) -> None:
    counts = Counter(outcomes)
    assert set(counts) <= set(probabilities)
    observed = [counts[outcome] for outcome in probabilities]
    expected = np.array(list(probabilities.values())) * len(outcomes)
    assert stats.chisquare(observed, expected).pvalue > LEAST_P_VALUE


@pytest.mark.parametrize("method", coreset.METHODS)
@pytest.mark.parametrize("k", [1, 7, 40])
def test_every_method_selects_different_points_repeatably(method, k):
    points = np.random.default_rng(0).normal(size=(10, 3))[np.arange(40) % 10]
    chosen = coreset.select(method, points, k, [1, 2])
    assert chosen.dtype == tf.int32
    assert chosen.shape == [k]
    assert len(set(chosen.numpy())) == k
    assert set(chosen.numpy()) <= set(range(40))
    np.testing.assert_array_equal(chosen, coreset.select(method, points, k, [1, 2]))


@pytest.mark.parametrize("method", ["stratified", "balanced", "d_squared", "uniform"])
def test_random_methods_follow_the_seed(method):
    points = np.random.default_rng(0).normal(size=(64, 3))
    one, other = (coreset.select(method, points, 8, [1, s]).numpy() for s in (2, 3))
    assert (one != other).any()
    with pytest.raises(InputError, match="seed is None"):
        coreset.select(method, points, 8)
    with pytest.raises(InputError, match="two integers"):
        coreset.select(method, points, 8, [1, 2, 3])


def test_d_squared_has_its_exact_distribution():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0], [2.0, 2.0]])
    squared = reference.distances(points) ** 2
    probabilities = {}
    for a, b, c in itertools.permutations(range(4), 3):
        second = squared[a]
        third = np.minimum(squared[a], squared[b])
        p = 1 / 4 * second[b] / second.sum() * third[c] / third.sum()
        probabilities[a, b, c] = p
    assert sum(probabilities.values()) == pytest.approx(1)
    outcomes = [tuple(row) for row in many("d_squared", points, 3)]
    assert_distribution(outcomes, probabilities)


def test_d_squared_avoids_duplicates_until_nothing_else_is_left():
    points = np.array([[0.1, 0.7]] * 4 + [[0.3, 0.2]] * 4, np.float32)
    for chosen in many("d_squared", points, 3)[:200]:
        assert {chosen[0] // 4, chosen[1] // 4} == {0, 1}
    thirds = [len(set(row // 4)) for row in many("d_squared", points, 3)]
    assert set(thirds) == {2}


def test_uniform_takes_every_ordered_subset_alike():
    outcomes = [tuple(row) for row in many("uniform", np.zeros([4, 1]), 2)]
    every = list(itertools.permutations(range(4), 2))
    assert_distribution(outcomes, dict.fromkeys(every, 1 / len(every)))


def test_stratified_takes_one_of_each_cell_uniformly():
    points = np.random.default_rng(3).normal(size=(24, 2))
    centres = reference.greedy_indices(points, 5)
    cell = reference.distances(points)[:, centres].argmin(axis=1)
    chosen = many("stratified", points, 5)
    for c in range(5):
        members = np.flatnonzero(cell == c)
        chance = dict.fromkeys(members, 1 / len(members))
        if len(members) == 1:
            assert set(chosen[:, c]) == set(members)
        else:
            assert_distribution(list(chosen[:, c]), chance)


def test_balanced_cuts_where_points_vary_most():
    # Four clusters of three in a row along the second coordinate: they are the cells.
    rng = np.random.default_rng(4)
    clusters = np.repeat([[0, 0], [0, 20], [0, 40], [0, 60]], 3, axis=0)
    points = clusters + rng.normal(size=(12, 2))
    chosen = many("balanced", points, 4)
    assert {tuple(row // 3) for row in chosen} == {(0, 1, 2, 3)}
    for cell in range(4):
        members = range(3 * cell, 3 * cell + 3)
        assert_distribution(list(chosen[:, cell]), dict.fromkeys(members, 1 / 3))


@pytest.mark.parametrize(("n", "k"), [(24, 6), (26, 6), (22, 5), (9, 1)])
def test_balanced_selects_every_point_alike(n, k):
    points = np.exp(2 * np.random.default_rng(5).normal(size=(n, 3)))  # Heavy tails.
    counts = np.bincount(many("balanced", points, k).ravel(), minlength=n)
    # Counts within a cell exclude each other; those of single points are binomial.
    share = stats.binomtest(int(counts.max()), DRAWS, k / n).pvalue
    least = stats.binomtest(int(counts.min()), DRAWS, k / n).pvalue
    assert min(share, least) > LEAST_P_VALUE / n


def test_balanced_estimates_the_mean_with_less_variance():
    points = np.random.default_rng(6).normal(size=(256, 2))
    values = np.sin(points).sum(axis=1) + points[:, 0] ** 2
    means = {
        method: values[many(method, points, 32)].mean(axis=1)
        for method in ("balanced", "uniform")
    }
    greedy = values[coreset.greedy_k_center(points, 32).numpy()].mean()
    error = means["balanced"].std() / np.sqrt(DRAWS)
    assert abs(means["balanced"].mean() - values.mean()) < 4 * error
    assert means["balanced"].var() < 0.4 * means["uniform"].var()
    # k-center's mean of squares is pulled to the tails, hence the method.
    assert greedy > values.mean() + 5 * means["balanced"].std()


def test_robust_is_greedy_on_the_rest_when_outliers_are_isolated():
    rng = np.random.default_rng(5)
    points = rng.normal(size=(200, 4))
    outliers = np.arange(10)
    points[outliers] = 1e3 * np.eye(10, 4, k=-6)[::-1] + 1e4 * rng.normal(size=(10, 4))
    chosen = coreset.robust(points, 20, outlier_fraction=0.05).numpy()
    rest = np.arange(10, 200)
    assert set(chosen) <= set(rest)
    nearest_mean = np.square(points - points.mean(axis=0)).sum(axis=1).argmin()
    expected = reference.greedy_indices(points[rest], 20, nearest_mean - 10)
    np.testing.assert_array_equal(chosen, rest[expected])


def test_robust_picks_exactly_the_ranked_point():
    points = np.random.default_rng(6).normal(size=(50, 3)).astype(np.float32)
    chosen = coreset.robust(points, 50, outlier_fraction=0.1).numpy()
    squared = reference.distances(points) ** 2
    for t in range(1, 50):
        nearest = squared[:, chosen[:t]].min(axis=1)
        nearest[chosen[:t]] = -1
        rank = min(5, 50 - t - 1)
        assert chosen[t] == np.argsort(-nearest, kind="stable")[rank]


def test_robust_without_outliers_is_greedy():
    points = np.random.default_rng(6).normal(size=(50, 3)).astype(np.float32)
    chosen = coreset.robust(points, 20, outlier_fraction=0.0).numpy()
    expected = coreset.greedy_k_center(points, 20, first=chosen[0])
    np.testing.assert_array_equal(chosen, expected)


def test_bad_names_and_fractions():
    with pytest.raises(InputError, match="'kcenter'.*k_center, stratified"):
        coreset.select("kcenter", np.zeros([4, 2]), 2)
    with pytest.raises(InputError, match="outlier_fraction is 1"):
        coreset.robust(np.zeros([4, 2]), 2, outlier_fraction=1)


@pytest.mark.parametrize("method", ["stratified", "balanced", "d_squared", "robust"])
def test_every_method_names_points_that_are_not_finite(method):
    points = np.ones([6, 2])
    points[2, 0] = np.nan
    with pytest.raises(InputError, match="points row 2"):
        coreset.select(method, points, 2, [1, 2])
