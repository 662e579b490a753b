"""The stateless order of records."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.data import batches

SEED = 7


def _records(first: int, count: int, num_images: int) -> np.ndarray:
    positions = tf.range(first, first + count, dtype=tf.int64)
    return batches.records_at(positions, num_images, SEED).numpy()


@pytest.mark.parametrize("num_images", [2, 10, 97, 1797])
def test_each_epoch_is_a_permutation(num_images):
    for epoch in (0, 1, 5):
        records = _records(epoch * num_images, num_images, num_images)
        np.testing.assert_array_equal(np.sort(records), np.arange(num_images))


@tf.function(autograph=False)
def _order(epoch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    return batches.records_at(tf.range(97, dtype=tf.int64) + 97 * epoch, 97, seed)


def test_no_epoch_comes_again():
    epochs = np.stack(
        [
            _order(tf.constant(e, tf.int64), tf.constant(SEED, tf.int64)).numpy()
            for e in range(2000)
        ]
    )
    assert len({bytes(epoch) for epoch in epochs}) == 2000
    # Every record comes everywhere: 2,000 in 97 cells, 20.6 each.
    counts = np.stack([np.bincount(column, minlength=97) for column in epochs.T])
    assert counts.min() > 0 and counts.max() < 60


def test_no_two_seeds_share_an_order():
    zero = tf.constant(0, tf.int64)
    seeds = {bytes(_order(zero, tf.constant(s, tf.int64)).numpy()) for s in range(1000)}
    assert len(seeds) == 1000


def test_positions_may_straddle_the_end_of_an_epoch():
    whole = np.concatenate([_records(0, 97, 97), _records(97, 97, 97)])
    np.testing.assert_array_equal(_records(60, 80, 97), whole[60:140])


def test_far_positions_cost_nothing():
    far = 97 * 10**11
    np.testing.assert_array_equal(np.sort(_records(far, 97, 97)), np.arange(97))
