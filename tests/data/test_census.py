"""What is said at start, and labels that are refused."""

import numpy as np
import pytest

from tf_smallgan.data import labels as census
from tf_smallgan.errors import InputError


def test_few_classes_are_listed(make_table):
    text = census.describe(make_table([0, 1, 1]), 3, ("cat", "dog"))
    assert text.splitlines() == [
        "made train: 3 images, 2 classes",
        "labels: cat 1, dog 2",
    ]


def test_many_classes_are_summed_up(make_table):
    labels = np.repeat(np.arange(1000), 3)[:-2]
    text = census.describe(make_table(labels), 3)
    assert "2,998 images, 1,000 classes" in text
    assert "1 (999) to 3 (0) images per class, median 3" in text


def test_unlabelled_images_have_no_histogram(make_table):
    assert "labels" not in census.describe(make_table([-1, -1]), 3)


def test_conversions_are_said(make_table):
    text = census.describe(make_table([0, 1], channels=1), 3)
    assert "2 grey images were converted to RGB" in text


def test_one_label_in_a_conditional_run_is_refused(make_table):
    table = make_table([0] * 5)
    with pytest.raises(InputError, match="All 5 images .* label 0.*one level too high"):
        census.check_labels(table, conditional=True, num_classes=10)
    census.check_labels(table, conditional=False, num_classes=None)


def test_missing_labels_in_a_conditional_run_are_refused(make_table):
    with pytest.raises(InputError, match="2 of 3 images .* no label.*--noconditional"):
        census.check_labels(make_table([-1, 0, -1]), True, 10)


def test_too_few_classes_are_refused(make_table):
    with pytest.raises(InputError, match="--num_classes=3.*label 7.*num_classes=8"):
        census.check_labels(make_table([0, 7]), True, 3)
    census.check_labels(make_table([0, 7]), True, 8)


def test_classes_without_images_are_said(make_table):
    table = make_table([0, 0, 2, 4])
    assert "2 of 5 classes" in census.classes_without_images(table, 5)
    assert not census.classes_without_images(table, 3)
    assert not census.classes_without_images(table, None)


def test_classes_beyond_the_images_have_numbers_for_names():
    assert census.names_of(("cat", "dog"), 4) == ["cat", "dog", "2", "3"]
    assert census.names_of(None, 2) == ["0", "1"]
