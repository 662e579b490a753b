"""Latents from seeds: Philox 4x32 with 10 rounds (Salmon et al. 2011), vectorised.

A counter-based generator turns (key, counter) into four random words and nothing
else, so an example's latents depend on its own seed and on no other example. It is
written in integer arithmetic, because the framework's own operation takes one key
for a whole batch. With k = (seed's low word, seed's high word) and c = (i, 0, 0, 0),
words 4i to 4i+3 of an example are

    10 times: c <- (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0))
              k <- k + (W0, W1)
"""

import tensorflow as tf

_ROUNDS = 10
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)

Words = tuple[tf.Tensor, ...]


def _constant(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint64)


def _low(value: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.bitwise_and(value, _constant(0xFFFFFFFF))


def _high(value: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.right_shift(value, _constant(32))


def philox(counter: Words, key: Words) -> Words:
    """Four random words.

    Args:
      counter: four words, uint64 tensors below 2^32 whose shapes broadcast.
      key: two words.

    Returns:
      Four uint64 tensors below 2^32.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        first = c0 * _constant(_MULTIPLIERS[0])
        second = c2 * _constant(_MULTIPLIERS[1])
        c0, c1, c2, c3 = (
            tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(_high(second), c1), k0),
            _low(second),
            tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(_high(first), c3), k1),
            _low(first),
        )
        k0 = _low(k0 + _constant(_WEYL[0]))
        k1 = _low(k1 + _constant(_WEYL[1]))
    return c0, c1, c2, c3


def seeded_uniforms(seeds: tf.Tensor, size: int) -> tf.Tensor:
    """Uniforms [B, size] float32 in [-1, 1), row by row a function of seeds [B] int64.

    The top 24 bits of each word count in steps of 2^-23.
    """
    seeds = tf.bitcast(seeds, tf.uint64)[:, None]
    blocks = tf.constant([list(range(-(-size // 4)))], tf.uint64)
    zeros = tf.zeros_like(blocks)
    words = philox((blocks, zeros, zeros, zeros), (_low(seeds), _high(seeds)))
    words = tf.concat([word[:, :, None] for word in words], axis=2)
    words = tf.reshape(words, [-1, 4 * blocks.shape[1]])[:, :size]
    top = tf.cast(tf.bitwise.right_shift(words, _constant(8)), tf.float32)
    return top * 2.0**-23 - 1.0
