"""Stateless streams: separate, reproducible, and the same under XLA."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import randomness
from tf_smallgan.errors import InputError
from tf_smallgan.randomness import Purpose, stream


def test_purposes_and_counters_have_streams_of_their_own():
    seeds = [
        tuple(stream(7, purpose, draw, micro).numpy())
        for purpose in Purpose
        for draw in range(10)
        for micro in range(2)
    ]
    assert len(set(seeds)) == len(seeds) == 20 * len(Purpose)


def test_all_bits_of_a_seed_count():
    seeds = (1, 2**31 + 1, 2**32 - 1, 2**32 + 1, 2**62 + 1)
    for counters in ((), (3,)):
        found = {tuple(stream(s, Purpose.FLIPS, *counters).numpy()) for s in seeds}
        assert len(found) == len(seeds)


def test_sampling_streams_are_those_of_earlier_versions():
    """Otherwise a seed would give other images than before."""
    key = tf.constant([5, 2], tf.int32)
    before = tf.random.experimental.stateless_fold_in(key, 3, alg="philox")
    found = stream(5, Purpose.SAMPLES, 3)
    np.testing.assert_array_equal(found, before)
    np.testing.assert_array_equal(
        randomness.uniform([9], found),
        tf.random.stateless_uniform([9], before, alg="philox"),
    )


@pytest.mark.parametrize("seed", [5, 2**32 - 1])
def test_streams_are_the_same_under_xla(seed):
    def draw(seed: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        return randomness.uniform_numbers(stream(seed, Purpose.FLIPS, step, 1), 1000)

    compiled = tf.function(draw, autograph=False, jit_compile=True)
    arguments = tf.constant(seed, tf.int64), tf.constant(10**6)
    numbers = compiled(*arguments).numpy()
    np.testing.assert_array_equal(numbers, draw(seed, 10**6))
    assert numbers.min() >= 0 and numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 5 / np.sqrt(12 * 1000)
    np.testing.assert_array_equal(numbers, np.round(numbers * 2**24) / 2**24)


def test_a_seed_that_is_no_pair_of_integers_is_refused():
    for seed in (None, 3, [1, 2, 3], [1.0, 2.0]):
        with pytest.raises(InputError, match="uniform selection|two integers"):
            randomness.check_seed(seed, "uniform")
    np.testing.assert_array_equal(
        randomness.check_seed(np.array([11, 4]), "uniform"), [11, 4]
    )
