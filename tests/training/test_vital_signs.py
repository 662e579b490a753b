"""What a step measures of itself adds up over replicas and sees what is not finite."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.training import vital_signs


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e25])
def test_one_bad_value_anywhere_counts(bad):
    good = [tf.ones([3, 2]), tf.ones([4])]
    rows = tf.IndexedSlices(tf.constant([[1.0, bad]]), tf.constant([2]), [5, 2])
    assert vital_signs.nonfinite(good) == 0
    assert vital_signs.nonfinite([*good, tf.constant([0.0, bad])]) == 1
    assert vital_signs.nonfinite([*good, rows]) == 1


def test_diversity_is_the_spread_relative_to_the_reals_and_adds_up_over_replicas():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(8, 4, 4, 2)).astype(np.float32)
    fake = 3.0 + 0.25 * rng.normal(size=(8, 4, 4, 2)).astype(np.float32)
    expected = np.sqrt(fake.var(0).mean() / real.var(0).mean())
    parts = [
        {
            vital_signs.REAL_MOMENTS: vital_signs.moments(real[part], 8),
            vital_signs.FAKE_MOMENTS: vital_signs.moments(fake[part], 8),
        }
        for part in (slice(0, 3), slice(3, 8))
    ]
    whole = vital_signs.with_diversity({k: parts[0][k] + parts[1][k] for k in parts[0]})
    assert whole.keys() == {vital_signs.DIVERSITY}
    np.testing.assert_allclose(whole[vital_signs.DIVERSITY], expected, rtol=1e-3)


def test_one_image_has_no_diversity():
    real = tf.random.stateless_normal([8, 4, 4, 1], [0, 1])
    fake = tf.fill([8, 4, 4, 1], 0.7)
    signs = vital_signs.with_diversity(
        {
            vital_signs.REAL_MOMENTS: vital_signs.moments(real, 8),
            vital_signs.FAKE_MOMENTS: vital_signs.moments(fake, 8),
        }
    )
    assert signs[vital_signs.DIVERSITY] < 1e-2


def test_an_earlier_update_of_the_step_counts():
    def update(images):
        return {name: tf.constant(0.0) for name in vital_signs.NONFINITE} | {
            vital_signs.IMAGES: tf.constant(images),
            "discriminator_loss": tf.constant(2.0),
        }

    second = vital_signs.with_earlier(update(0.0), update(1.0))
    assert second[vital_signs.IMAGES] == 1
    assert second["discriminator_loss"] == 2
