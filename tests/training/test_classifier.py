"""The small classifier: what it is trained on, and where it is kept."""

import numpy as np
import pytest

from tf_smallgan import config as config_lib
from tf_smallgan import preparation, settings
from tf_smallgan.preparation import open_data
from tf_smallgan.training import classifier


@pytest.fixture
def untrained(monkeypatch):
    """Networks as they were initialised; what they were to learn from, in order."""
    seen = []

    def fit(model, images, count, seed):
        seen.append([int(label) for _, label in images])
        return 0.5

    monkeypatch.setattr(classifier, "_fit", fit)
    return seen


def _data(folder, seed):
    flags = [f"--workdir={folder}", "--dataset=digits", f"--seed={seed}"]
    return open_data(settings.complete(config_lib.parse(flags)), lambda line: None)


def test_runs_that_share_a_folder_keep_a_classifier_each(tmp_path, untrained):
    first = _data(tmp_path, 0).classifier()
    second = _data(tmp_path, 1).classifier()
    assert first.weights_hash != second.weights_hash
    assert _data(tmp_path, 0).classifier().weights_hash == first.weights_hash
    assert len(untrained) == 2
    assert not list((tmp_path / "cache").glob("partial-*"))


def test_images_that_lie_class_by_class_come_mixed(tmp_path, untrained):
    data = _data(tmp_path, 0)
    ordered = np.argsort(data.table.labels, kind="stable")

    class Sorted:
        num_images = data.table.num_images
        labels = data.table.labels[ordered]
        identity_hash = "00"

    def read(record):
        return data.read(np.int64(0))

    preparation.classifier_of(data.config, read, Sorted, tmp_path / "cache")
    (labels,) = untrained
    assert sorted(labels) == sorted(data.table.labels)
    assert set(labels[:100]) == set(range(10))
