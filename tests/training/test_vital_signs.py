"""What a step measures of itself adds up over replicas and sees what is not finite."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.training import collapse


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e25])
def test_one_bad_value_anywhere_counts(bad):
    good = [tf.ones([3, 2]), tf.ones([4])]
    rows = tf.IndexedSlices(tf.constant([[1.0, bad]]), tf.constant([2]), [5, 2])
    assert collapse.nonfinite(good) == 0
    assert collapse.nonfinite([*good, tf.constant([0.0, bad])]) == 1
    assert collapse.nonfinite([*good, rows]) == 1


def test_diversity_is_the_spread_relative_to_the_reals_and_adds_up_over_replicas():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(8, 4, 4, 2)).astype(np.float32)
    fake = 3.0 + 0.25 * rng.normal(size=(8, 4, 4, 2)).astype(np.float32)
    expected = np.sqrt(fake.var(0).mean() / real.var(0).mean())
    parts = [
        {
            collapse.REAL_MOMENTS: collapse.moments(real[part], 8),
            collapse.FAKE_MOMENTS: collapse.moments(fake[part], 8),
        }
        for part in (slice(0, 3), slice(3, 8))
    ]
    whole = collapse.with_diversity({k: parts[0][k] + parts[1][k] for k in parts[0]})
    assert whole.keys() == {collapse.DIVERSITY}
    np.testing.assert_allclose(whole[collapse.DIVERSITY], expected, rtol=1e-3)


def test_one_image_has_no_diversity():
    real = tf.random.stateless_normal([8, 4, 4, 1], [0, 1])
    fake = tf.fill([8, 4, 4, 1], 0.7)
    signs = collapse.with_diversity(
        {
            collapse.REAL_MOMENTS: collapse.moments(real, 8),
            collapse.FAKE_MOMENTS: collapse.moments(fake, 8),
        }
    )
    assert signs[collapse.DIVERSITY] < 1e-2


def test_an_earlier_update_of_the_step_counts():
    def update(images):
        return {name: tf.constant(0.0) for name in collapse.NONFINITE} | {
            collapse.IMAGES: tf.constant(images),
            "discriminator_loss": tf.constant(2.0),
        }

    second = collapse.with_earlier(update(0.0), update(1.0))
    assert second[collapse.IMAGES] == 1
    assert second["discriminator_loss"] == 2
