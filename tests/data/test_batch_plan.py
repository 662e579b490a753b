"""Plans that cannot be drawn."""

import dataclasses

import pytest

from tf_smallgan.data import batches
from tf_smallgan.data.batches import BatchPlan
from tf_smallgan.errors import InputError

PLAN = BatchPlan(seed=0, batch_size=8, num_replicas=2, oversample=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"batch_size": 26},
            "104 images .--batch_size=26 times --data_oversample=4.*100",
        ),
        ({"batch_size": 9}, "--batch_size=9 does not divide over 2 replicas"),
        ({"method": "best"}, "'best'.*k_center"),
        ({"scope": "all"}, "'all'.*replica"),
        (
            {"per_class_balance": True, "method": "uniform"},
            "--coreset_method=k_center alone, not uniform",
        ),
    ],
)
def test_plan_that_cannot_be_drawn_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(PLAN, **change).check(num_images=100)


def test_classes_that_images_do_not_have_are_not_balanced():
    plan = dataclasses.replace(PLAN, per_class_balance=True)
    plan.check(num_images=100)
    with pytest.raises(InputError, match="images without a label; leave it out"):
        plan.check(num_images=100, labelled=False)


def test_plan_that_can_be_drawn():
    dataclasses.replace(PLAN, batch_size=24).check(num_images=100)


def test_steps_per_epoch():
    assert batches.steps_per_epoch(1_281_167, BatchPlan(0, 256, 8, 2, 8)) == (
        pytest.approx(1_281_167 / 4096)
    )
