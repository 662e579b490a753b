"""The share of images that was trained on."""

import numpy as np
import pytest

from tf_smallgan.training.monitor import SeenRecords


def test_fraction_counts_each_record_once():
    seen = SeenRecords(10)
    seen.add(np.array([[1, 2], [2, 9]]))
    seen.add(np.array([1]))
    assert seen.fraction == pytest.approx(0.3)


def test_bits_survive_a_checkpoint():
    seen, again = SeenRecords(13), SeenRecords(13)
    seen.add(np.array([0, 12]))
    again.restore(seen.to_bytes())
    again.add(np.array([5]))
    assert again.fraction == pytest.approx(3 / 13)


def test_bits_of_another_data_set_are_refused():
    with pytest.raises(ValueError, match="2 bytes do not hold 100 bits"):
        SeenRecords(100).restore(SeenRecords(13).to_bytes())
