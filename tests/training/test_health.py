"""Each rule of the watch, at its threshold, and the step that it names."""

import pytest
import tensorflow as tf

from tf_smallgan.training import collapse
from tf_smallgan.training.collapse import Collapse, HealthWatch

HEALTHY = {
    "discriminator_loss": 1.0,
    "generator_loss": -0.5,
    "real_accuracy": 0.8,
    "fake_accuracy": 0.7,
    collapse.IMAGES: 0.0,
    collapse.DISCRIMINATOR: 0.0,
    collapse.GENERATOR: 0.0,
    collapse.DIVERSITY: 0.9,
}


def _note(watch, steps, **signs):
    for step in steps:
        row = HEALTHY | signs
        watch.note(step, {name: tf.constant(value) for name, value in row.items()})


@pytest.mark.parametrize(
    ("signs", "reason"),
    [
        ({"generator_loss": float("nan")}, "the generator's loss or gradients"),
        ({collapse.GENERATOR: 1.0}, "the generator's loss or gradients"),
        ({collapse.DISCRIMINATOR: 2.0}, "the discriminator's loss or gradients"),
        ({"discriminator_loss": float("inf")}, "the discriminator's loss or gradients"),
        ({collapse.IMAGES: 1.0, collapse.DISCRIMINATOR: 1.0}, "the real images"),
        ({"generator_loss": -2e4}, "the generator's loss is -2e"),
    ],
)
def test_what_is_not_finite_or_far_off_is_named_with_its_step(signs, reason):
    watch = HealthWatch()
    _note(watch, range(1, 7))
    _note(watch, [7], **signs)
    _note(watch, range(8, 10))
    with pytest.raises(Collapse, match=rf"at step 7 \(seen at step 9\) {reason}"):
        watch.check()


def test_it_reads_by_itself_where_nothing_is_logged():
    watch = HealthWatch()
    _note(watch, [1], **{collapse.GENERATOR: 1.0})
    with pytest.raises(Collapse, match="at step 1 "):
        _note(watch, range(2, collapse._MOST_UNREAD + 1))


def test_one_image_for_long_is_a_collapse_and_suspect_before():
    watch, alike = HealthWatch(), {collapse.DIVERSITY: 0.05}
    _note(watch, range(1, 40), **alike)  # An untrained generator.
    watch.check()
    _note(watch, [40])
    last = 40 + collapse._ALIKE_STEPS
    _note(watch, range(41, last), **alike)
    assert not watch.suspect
    watch.check()
    assert watch.suspect
    _note(watch, [last], **alike)
    with pytest.raises(Collapse, match=rf"at step 41 \(seen at step {last}\) the gen"):
        watch.check()


def test_suspicion_ends_with_a_diverse_batch():
    watch, alike = HealthWatch(), {collapse.DIVERSITY: 0.05}
    _note(watch, [1])
    for start in (2, 30):
        _note(watch, range(start, start + collapse._ALIKE_STEPS - 1), **alike)
        _note(watch, [start + collapse._ALIKE_STEPS - 1])
    watch.check()
    assert not watch.suspect


def test_a_discriminator_that_is_always_right_is_warned_of_once():
    said = []
    watch = HealthWatch(say=said.append)
    sure = {"real_accuracy": 1.0, "fake_accuracy": 1.0}
    _note(watch, range(1, collapse._SURE_STEPS), **sure)
    watch.check()
    assert not said
    _note(watch, range(collapse._SURE_STEPS, 3 * collapse._SURE_STEPS), **sure)
    watch.check()
    assert len(said) == 1
    assert f"at step {collapse._SURE_STEPS} the discriminator" in said[0]


def test_a_new_start_knows_from_the_log_that_images_were_diverse():
    rows = [
        {"step": 10, collapse.DIVERSITY: 0.1},
        {"step": 20, collapse.DIVERSITY: "nan"},
        {"step": 20, "fid_1k": 3.0},
        {"step": 30, collapse.DIVERSITY: 0.2},
    ]
    assert not collapse.was_diverse(rows, 29)
    assert collapse.was_diverse(rows, 30)
    watch = HealthWatch(was_diverse=True)
    alike = {collapse.DIVERSITY: 0.05}
    _note(watch, range(31, 31 + collapse._ALIKE_STEPS), **alike)
    with pytest.raises(Collapse, match="at step 31 "):
        watch.check()
    # Back to where G was untrained, whose images are alike too.
    watch.reset(0, was_diverse=False)
    _note(watch, range(1, 1 + 2 * collapse._ALIKE_STEPS), **alike)
    watch.check()
    assert not watch.suspect


def test_going_back_keeps_what_was_seen_and_not_logged():
    watch = HealthWatch()
    _note(watch, [7])
    watch.check()
    watch.reset(6, was_diverse=False)
    assert not watch.was_diverse
    watch.reset(7, was_diverse=False)
    assert watch.was_diverse
