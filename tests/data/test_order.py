"""The stateless order of records."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.data import order

SEED = order.root_seed(7)


def _records(first: int, count: int, num_images: int) -> np.ndarray:
    positions = tf.range(first, first + count, dtype=tf.int64)
    return order.records_at(positions, num_images, SEED).numpy()


@pytest.mark.parametrize("num_images", [2, 10, 97, 1797])
def test_each_epoch_is_a_permutation(num_images):
    for epoch in (0, 1, 5):
        records = _records(epoch * num_images, num_images, num_images)
        np.testing.assert_array_equal(np.sort(records), np.arange(num_images))


def test_epochs_differ():
    assert (_records(0, 97, 97) != _records(97, 97, 97)).any()


def test_seeds_differ():
    other = order.records_at(tf.range(97, dtype=tf.int64), 97, order.root_seed(8))
    assert (_records(0, 97, 97) != other.numpy()).any()


def test_positions_may_straddle_the_end_of_an_epoch():
    whole = np.concatenate([_records(0, 97, 97), _records(97, 97, 97)])
    np.testing.assert_array_equal(_records(60, 80, 97), whole[60:140])


def test_far_positions_cost_nothing():
    far = 97 * 10**11
    np.testing.assert_array_equal(np.sort(_records(far, 97, 97)), np.arange(97))


def test_folding_separates_uses_and_draws():
    seeds = [
        tuple(order.fold(SEED, use, draw).numpy())
        for use in (order.ORDER, order.SELECT, order.FLIP)
        for draw in range(50)
    ]
    assert len(set(seeds)) == len(seeds)


def test_large_run_seeds_are_kept_apart():
    assert tuple(order.root_seed(1).numpy()) != tuple(
        order.root_seed(2**31 + 1).numpy()
    )
