"""What a sheet or an array holds."""

import numpy as np
import pytest

from tf_smallgan.config.commands import SampleFlags
from tf_smallgan.errors import InputError
from tf_smallgan.sampling import grids


@pytest.mark.parametrize(
    ("count", "label", "classes", "each"),
    [
        (None, None, range(10), 10),
        (64, None, range(10), 6),
        (100, None, range(10), 10),
        (None, (3, 7), (3, 7), 10),
        (4, (3, 7), (3, 7), 2),
    ],
)
def test_a_sheet_has_a_row_for_every_class(count, label, classes, each):
    wanted = SampleFlags(layout="classes", count=count, label=label)
    labels = grids._labels(wanted, 10)
    np.testing.assert_array_equal(labels, np.repeat(list(classes), each))


@pytest.mark.parametrize(("count", "num_classes"), [(5, 10), (None, 1000)])
def test_a_sheet_without_room_for_all_classes_is_refused(count, num_classes):
    wanted = SampleFlags(layout="classes", count=count)
    with pytest.raises(InputError, match=f"--count of at least {num_classes}"):
        grids._labels(wanted, num_classes)


@pytest.mark.parametrize(
    ("count", "label", "walk"),
    [
        (10, (1, 7), [1, 7]),
        (20, (1, 7, 3), [1, 7, 3]),
        (40, (1, 7, 3), [1, 7, 3, 1, 7]),
        (30, None, [0, 1, 2, 3]),
        (None, (5,), [5] * 7),
        (None, tuple(range(9)), range(9)),
    ],
)
def test_a_walk_leads_through_the_classes_in_their_order(count, label, walk):
    wanted = SampleFlags(layout="interpolation", count=count, label=label)
    np.testing.assert_array_equal(grids._labels(wanted, 10), list(walk))


@pytest.mark.parametrize(
    ("count", "label", "message"),
    [
        (15, None, "rows of 10 images; give 10 or 20"),
        (5, (1, 7, 3), "rows of 10 images; give 20 or 30"),
        (10, (1, 7, 3), "the 3 classes of --label has 2 rows .* at least --count=20"),
    ],
)
def test_a_walk_that_reaches_not_all_classes_is_refused(count, label, message):
    wanted = SampleFlags(layout="interpolation", count=count, label=label)
    with pytest.raises(InputError, match=message):
        grids._labels(wanted, 10)


def test_a_grid_of_few_images_is_of_classes_far_apart():
    labels = grids._labels(SampleFlags(count=4), 1000)
    np.testing.assert_array_equal(labels, [0, 250, 500, 750])


def test_an_interpolations_arrays_say_where_each_image_lies():
    labels = np.array([1, 7, 3, 1])
    wanted = SampleFlags(layout="interpolation")
    found = grids._described(wanted, labels)
    assert {len(array) for array in found.values()} == {30}
    np.testing.assert_array_equal(found["from_labels"][[0, 9, 10, 29]], [1, 1, 7, 3])
    np.testing.assert_array_equal(found["to_labels"][[0, 9, 10, 29]], [7, 7, 3, 1])
    np.testing.assert_allclose(found["fractions"][[0, 1, 9, 10]], [0, 1 / 9, 1, 0])
    plain = grids._described(SampleFlags(), labels[:3])
    assert list(plain) == ["labels"]
