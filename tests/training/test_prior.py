"""The prior side: latents are the core-set of a large batch, and draws repeat."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.coreset import coverage_weights, greedy_k_center
from tf_smallgan.models.latents import sample_prior
from tf_smallgan.randomness import Purpose, stream
from tf_smallgan.training.prior import Prior


def _prior(**options):
    defaults = {
        "distribution": "normal",
        "latent_dim": 4,
        "num_classes": 3,
        "oversample": 4,
        "method": "k_center",
        "scope": "global",
        "weighted": False,
        "seed": 5,
    }
    return Prior(**defaults | options)


def test_latents_are_the_core_set_of_the_large_batch():
    drawn = _prior().draw(tf.constant(7), 1, batch=8, replica=0, replicas=1)
    large = sample_prior("normal", [32, 4], stream(5, Purpose.LATENTS, 7, 1))
    chosen = greedy_k_center(large, 8)
    np.testing.assert_array_equal(drawn.latents, tf.gather(large, chosen))
    np.testing.assert_array_equal(drawn.weights, np.ones(8))


def test_weights_are_the_shares_of_the_large_batch():
    drawn = _prior(weighted=True).draw(tf.constant(7), 1, 8, 0, 1)
    large = sample_prior("normal", [32, 4], stream(5, Purpose.LATENTS, 7, 1))
    expected = coverage_weights(large, greedy_k_center(large, 8))
    np.testing.assert_allclose(drawn.weights, expected)


@pytest.mark.parametrize(
    ("method", "oversample", "expected"),
    [("k_center", 4, 1.187), ("k_center", 8, 1.253), ("balanced", 4, 1.0)],
)
def test_k_center_trains_on_a_wider_prior(method, oversample, expected):
    """Mean |z|^2 relative to the prior's; expected values: 300 selections in NumPy."""
    prior = _prior(latent_dim=64, method=method, oversample=oversample)
    draws = [
        prior.draw(tf.constant(step), 0, 32, 0, 1).latents.numpy() for step in range(60)
    ]
    # The mean of 60 * 32 * 64 squares has a standard error of 0.004.
    assert np.mean(np.square(draws)) == pytest.approx(expected, abs=0.016)


@pytest.mark.parametrize("oversample", [1, 4])
def test_replicas_share_one_selection_under_global_scope(oversample):
    prior = _prior(oversample=oversample)
    whole = prior.draw(tf.constant(2), 0, 8, 0, 1)
    parts = [prior.draw(tf.constant(2), 0, 4, r, 2) for r in range(2)]
    for name in ("latents", "labels", "weights"):
        merged = np.stack([getattr(p, name) for p in parts], 1)
        merged = merged.reshape(getattr(whole, name).shape)
        np.testing.assert_array_equal(merged, getattr(whole, name))


def test_replicas_draw_their_own_latents_under_replica_scope():
    prior = _prior(scope="replica")
    parts = [prior.draw(tf.constant(2), 0, 4, r, 2).latents.numpy() for r in range(2)]
    assert not set(map(tuple, parts[0])) & set(map(tuple, parts[1]))


def test_steps_and_updates_differ_and_repeat():
    prior = _prior()
    draws = {
        key: prior.draw(tf.constant(key[0]), key[1], 8, 0, 1).latents.numpy().tobytes()
        for key in ((0, 0), (0, 1), (1, 0), (1, 1))
    }
    assert len(set(draws.values())) == 4
    again = prior.draw(tf.constant(1), 1, 8, 0, 1).latents.numpy().tobytes()
    assert again == draws[1, 1]


def test_labels_are_uniform():
    counts = np.zeros(3)
    for step in range(200):
        counts += np.bincount(
            _prior().draw(tf.constant(step), 0, 8, 0, 1).labels, minlength=3
        )
    # Chi-square with 2 degrees of freedom exceeds 13.8 with probability 0.001.
    assert ((counts - 1600 / 3) ** 2 / (1600 / 3)).sum() < 13.8


def test_labels_are_independent_of_the_order_of_selection():
    """k-center picks remote points first; labels are uniform at every position."""
    prior, counts = _prior(), np.zeros((8, 3))
    for step in range(400):
        labels = prior.draw(tf.constant(step), 0, 8, 0, 1).labels.numpy()
        counts[np.arange(8), labels] += 1
    # Chi-square with 16 degrees of freedom exceeds 39.3 with probability 0.001.
    assert ((counts - 400 / 3) ** 2 / (400 / 3)).sum() < 39.3


def test_without_classes_there_are_no_labels():
    assert _prior(num_classes=0).draw(tf.constant(0), 0, 4, 0, 1).labels is None
