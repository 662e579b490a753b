"""Plans that cannot be drawn."""

import dataclasses

import pytest

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
    ],
)
def test_plan_that_cannot_be_drawn_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(PLAN, **change).check(num_images=100)


def test_classes_that_images_do_not_have_are_not_balanced():
    plan = dataclasses.replace(PLAN, per_class_balance=True)
    plan.check(num_images=100)
    with pytest.raises(InputError, match="--coreset_class_balance.*label"):
        plan.check(num_images=100, labelled=False)


def test_plan_that_can_be_drawn():
    dataclasses.replace(PLAN, batch_size=24).check(num_images=100)
