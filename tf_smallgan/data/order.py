"""Which record lies at which position of the endless stream, without a state.

    epoch(p)  = p // N
    record(p) = permutation_epoch(p mod N)

The permutation is a cipher on the numbers below N, keyed by the seed and the
epoch, so that any position costs the same to look up, and each record comes
once an epoch.
"""

import tensorflow as tf

# One number for each use of randomness, so that no two share a stream.
ORDER, SELECT, FLIP, QUOTA = 1, 2, 3, 4

# One shuffle reads the low 8 bits of each word of its key where there are up to 65,536
# images, and of a folded seed one word is the epoch itself: orders would come again
# after 256 epochs. Keys are drawn, and four of them applied.
_SHUFFLES = 4


def root_seed(seed: int) -> tf.Tensor:
    """A stateless seed, [2] int32, from the run's seed."""
    return tf.constant([seed & 0x7FFFFFFF, (seed >> 31) & 0x7FFFFFFF], tf.int32)


def fold(seed: tf.Tensor, *values: tf.Tensor | int) -> tf.Tensor:
    """A new seed [2] int32 from `seed` and integers.

    Philox by name: the default algorithm depends on the device.
    """
    for value in values:
        seed = tf.random.experimental.stateless_fold_in(seed, value, alg="philox")
    return seed


def records_at(positions: tf.Tensor, num_images: int, seed: tf.Tensor) -> tf.Tensor:
    """Record numbers at consecutive positions that span at most two epochs.

    Args:
      positions: [P] int64, consecutive and no more than `num_images`.
      num_images: N.
      seed: [2] int32.

    Returns:
      [P] int64.
    """
    epoch = positions // num_images
    within, first = positions % num_images, epoch[0]
    now, then = (
        _shuffled(within, num_images, fold(seed, ORDER, first + later))
        for later in (0, 1)
    )
    return tf.where(epoch == first, now, then)


def _shuffled(numbers: tf.Tensor, count: int, seed: tf.Tensor) -> tf.Tensor:
    """Numbers below `count` under a permutation of them that follows from `seed`."""
    keys = tf.random.stateless_uniform(
        [_SHUFFLES, 2], seed, None, None, tf.int32, alg="philox"
    )
    for key in tf.unstack(keys):
        numbers = tf.random.experimental.index_shuffle(
            numbers, seed=key, max_index=tf.constant(count - 1, tf.int64)
        )
    return numbers
