import numpy as np
import pytest
import tensorflow as tf

from export.philox import philox, seeded_uniforms
from export.recording import reference_uniforms

# Random123's known answers: counter, key, result.
KNOWN = [
    ("00000000" * 4, "00000000" * 2, "6627e8d5e169c58dbc57ac4c9b00dbd8"),
    ("ffffffff" * 4, "ffffffff" * 2, "408f276d41c83b0ea20bc7c66d5451fd"),
    (
        "243f6a8885a308d313198a2e03707344",
        "a4093822299f31d0",
        "d16cfe0994fdcceb5001e42024126ea1",
    ),
]


def words(text: str) -> tuple:
    """Hexadecimal text to words of 32 bits."""
    return tuple(
        tf.constant(int(text[i : i + 8], 16), tf.uint64) for i in range(0, len(text), 8)
    )


@pytest.mark.parametrize("counter, key, answer", KNOWN)
def test_known_answers(counter, key, answer):
    result = philox(words(counter), words(key))
    assert "".join(f"{int(word):08x}" for word in result) == answer


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**40 + 3, 2**63 - 1, -1, -(2**63)])
def test_is_the_frameworks_own_philox(seed):
    ours = seeded_uniforms(tf.constant([seed], tf.int64), 18)
    np.testing.assert_array_equal(ours, reference_uniforms(seed, 18))


def test_a_row_depends_on_its_own_seed_only():
    seeds = tf.constant([3, 1, 4, 1, 5], tf.int64)
    rows = seeded_uniforms(seeds, 10).numpy()
    for row, seed in zip(rows, seeds):
        np.testing.assert_array_equal(row, seeded_uniforms(seed[None], 10)[0])
    np.testing.assert_array_equal(rows[1], rows[3])
    assert len(np.unique(rows[[0, 1, 2, 4]])) == 40


def test_uniform_over_its_range():
    values = seeded_uniforms(tf.range(2000, dtype=tf.int64), 100).numpy()
    assert values.min() >= -1 and values.max() < 1
    assert abs(values.mean()) < 0.005
    assert abs(values.var() - 1 / 3) < 0.005
    assert abs(np.corrcoef(values[:-1, 0], values[1:, 0])[0, 1]) < 0.08
