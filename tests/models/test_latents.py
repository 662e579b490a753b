"""Latents: distributions, truncation rules and seeds."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.models.latents import sample_prior, sample_truncated, truncated_normal

_SEED = tf.constant([3, 4])


@pytest.mark.parametrize("cut", [0.04, 0.5, 2.0])
def test_truncated_normal_has_the_conditional_distribution(cut):
    values = np.sort(truncated_normal([50_000], _SEED, cut).numpy())
    assert np.abs(values).max() <= cut

    def cdf(x):
        return 0.5 * (1 + math.erf(x / math.sqrt(2)))

    low, high = cdf(-cut), cdf(cut)
    expected = [(cdf(v) - low) / (high - low) for v in values[::500]]
    empirical = np.arange(0, 50_000, 500) / 50_000
    # Kolmogorov-Smirnov at 50,000 draws: 0.0087 is exceeded once in a thousand.
    assert np.abs(np.array(expected) - empirical).max() < 0.0087


def test_rules_are_the_papers_and_the_hubs():
    n = truncated_normal([6, 5], _SEED, 2.0)
    hub = sample_truncated("hub", "normal", [6, 5], _SEED, 0.5)
    np.testing.assert_allclose(hub, 0.5 * n, rtol=1e-6)
    threshold = sample_truncated("threshold", "normal", [6, 5], _SEED, 0.5)
    np.testing.assert_array_equal(threshold, truncated_normal([6, 5], _SEED, 0.5))


def test_scaling_cuts_nothing_that_training_draws():
    scaled = sample_truncated("scale", "normal", [200_000, 1], _SEED, 0.5).numpy()
    # Of normals 4.55% lie beyond 2 and 0.27% beyond 3; four deviations of a count.
    for bound, share in ((2, 0.0455), (3, 0.0027)):
        beyond = (np.abs(scaled) > 0.5 * bound).mean()
        assert beyond == pytest.approx(share, abs=4 * math.sqrt(share / 200_000))
    assert scaled.std() == pytest.approx(0.5, abs=0.005)
    wide = sample_truncated("scale", "normal", [200_000, 1], _SEED, 1.5).numpy()
    np.testing.assert_allclose(wide, 3 * scaled, rtol=1e-6)
    cut = sample_truncated("scale", "truncated_normal", [6, 5], _SEED, 1.0)
    np.testing.assert_array_equal(cut, truncated_normal([6, 5], _SEED, 2.0))


def test_truncation_can_differ_by_example():
    both = sample_truncated("hub", "normal", [2, 7], _SEED, tf.constant([0.1, 1.0]))
    one = sample_truncated("hub", "normal", [2, 7], _SEED, 1.0)
    np.testing.assert_allclose(both[1], one[1], rtol=1e-6)
    np.testing.assert_allclose(both[0], 0.1 * one[0], rtol=1e-5)


@pytest.mark.parametrize("distribution", ["normal", "uniform", "truncated_normal"])
def test_prior_follows_from_the_seed(distribution):
    first = sample_prior(distribution, [4, 3], _SEED)
    np.testing.assert_array_equal(first, sample_prior(distribution, [4, 3], _SEED))
    assert not np.allclose(first, sample_prior(distribution, [4, 3], _SEED + 1))


def test_priors_have_their_moments():
    for distribution, deviation in (("normal", 1.0), ("uniform", 1 / math.sqrt(3))):
        values = sample_prior(distribution, [200_000], _SEED).numpy()
        assert abs(values.mean()) < 0.01
        assert abs(values.std() - deviation) < 0.01
