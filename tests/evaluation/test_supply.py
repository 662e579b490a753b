"""Samples follow from seed and index, whoever draws them."""

import numpy as np
import pytest

from tf_smallgan.config import replace
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.setup import open_generator
from tf_smallgan.sampling import generators
from tf_smallgan.sampling.generators import shuffled_labels

LABELS = shuffled_labels(150, 10, seed=0)


@pytest.fixture(scope="module")
def supply_of(config):
    """Supplies by strategy and flags, each opened once."""
    opened = {}

    def supply(strategy, **flags):
        key = (strategy, *sorted(flags.items()))
        if key not in opened:
            opened[key], _ = open_generator(replace(config, **flags), strategy)
        return opened[key]

    return supply


def draw(supply_of, strategy=None, truncation=0.7, labels=LABELS, **flags):
    supply = supply_of(strategy, **({"bn": "standing"} | flags))
    batches = list(supply.images(labels, truncation))
    assert all(len(images) <= 64 for images, _ in batches)
    np.testing.assert_array_equal(np.concatenate([b for _, b in batches]), labels)
    return np.concatenate([images for images, _ in batches])


def test_shape_and_seed(supply_of):
    images = draw(supply_of)
    assert images.shape == (150, 32, 32, 1) and images.dtype == np.uint8
    np.testing.assert_array_equal(images, draw(supply_of))
    assert (images != draw(supply_of, seed=1)).mean() > 0.5
    assert (images != draw(supply_of, truncation=1.0)).mean() > 0.5


def test_uncut_latents_may_be_wider_than_the_prior(supply_of):
    one, wide = (
        draw(supply_of, truncation=t, truncation_rule="scale") for t in (1.0, 1.5)
    )
    assert (one != wide).mean() > 0.5
    assert (one != draw(supply_of, truncation=1.0)).mean() > 0.5
    with pytest.raises(InputError, match="1.5 is outside .0, 1"):
        draw(supply_of, truncation=1.5)


def test_a_sample_does_not_depend_on_how_many_follow(supply_of):
    np.testing.assert_array_equal(
        draw(supply_of)[:70], draw(supply_of, labels=LABELS[:70])
    )


@pytest.mark.parametrize("bn", ["standing", "batch"])
def test_two_replicas_draw_what_one_draws(supply_of, two_replicas, bn):
    one, two = draw(supply_of, bn=bn), draw(supply_of, two_replicas, bn=bn)
    # A level may round the other way where sums are taken in another order.
    assert np.abs(one.astype(int) - two).max() <= 1
    assert (one == two).mean() > 0.999


def test_large_images_are_drawn_in_smaller_passes(config, supply_of, monkeypatch):
    monkeypatch.setattr(generators, "images_a_pass", lambda resolution: 16)
    several, _ = open_generator(replace(config, bn="moving"), None)
    batches = list(several.images(LABELS, 0.7))
    images = np.concatenate([images for images, _ in batches])
    one = draw(supply_of, bn="moving")
    assert np.abs(images.astype(int) - one).max() <= 1
    assert (images == one).mean() > 0.999


def test_batch_norm_modes_differ(supply_of):
    images = [draw(supply_of, bn=bn) for bn in ("standing", "moving", "batch")]
    assert (images[0] != images[1]).mean() > 0.1
    assert (images[0] != images[2]).mean() > 0.1


def test_labels_are_balanced_and_in_random_order():
    counts = np.bincount(shuffled_labels(205, 10, seed=3))
    assert set(counts) == {20, 21} and counts.sum() == 205
    assert (np.diff(LABELS) != 1).any()
    assert not shuffled_labels(5, 0, seed=0).any()


def test_labels_follow_shares_up_to_one():
    shares = np.array([0.9, 0.07, 0.03, 0.0])
    counts = np.bincount(shuffled_labels(1000, 4, 0, shares), minlength=4)
    np.testing.assert_array_equal(counts, [900, 70, 30, 0])
    drawn = [
        np.bincount(shuffled_labels(10, 4, s, shares), minlength=4) for s in range(400)
    ]
    assert all(counts.sum() == 10 and counts[0] == 9 for counts in drawn)
    # The tenth is of class 1 or 2 by 7 to 3.
    assert abs(np.mean(drawn, axis=0)[1] - 0.7) < 0.1


def test_fewer_samples_than_classes_are_of_any_of_them():
    few = [shuffled_labels(30, 100, seed) for seed in range(20)]
    for labels in few:
        assert len(set(labels)) == 30
    # Each of a hundred is missed by all twenty with a chance of 0.7^20, 0.0008.
    missed = set(range(100)) - set(np.concatenate(few))
    assert len(missed) < 5
