"""The small classifier: what it is trained on, and where it is kept."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import config as config_lib
from tf_smallgan.config import defaults
from tf_smallgan.data import dataset
from tf_smallgan.data.dataset import open_data
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation import during_training
from tf_smallgan.evaluation.setup import wanted_spaces
from tf_smallgan.models import classifier


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
    return open_data(defaults.with_defaults(config_lib.parse(flags)), lambda line: None)


def test_runs_that_share_a_folder_keep_a_classifier_each(tmp_path, untrained):
    first = _data(tmp_path, 0).classifier()
    second = _data(tmp_path, 1).classifier()
    assert first.weights_hash != second.weights_hash
    assert _data(tmp_path, 0).classifier().weights_hash == first.weights_hash
    assert len(untrained) == 2
    assert not list((tmp_path / "cache").glob("*partial*"))


def test_images_that_lie_class_by_class_come_mixed(tmp_path, untrained):
    data = _data(tmp_path, 0)
    ordered = np.argsort(data.table.labels, kind="stable")

    class Sorted:
        num_images = data.table.num_images
        labels = data.table.labels[ordered]
        identity_hash = "00"

    def read(record):
        return data.read(np.int64(0))

    dataset.classifier_of(data.config, read, Sorted, tmp_path / "cache")
    (labels,) = untrained
    assert sorted(labels) == sorted(data.table.labels)
    assert set(labels[:100]) == set(range(10))


def test_of_two_runs_at_a_time_the_first_ones_is_kept(tmp_path, untrained, monkeypatch):
    fit, of_another = classifier._fit, []

    def slower(model, *rest):
        monkeypatch.setattr(classifier, "_fit", fit)
        of_another.append(_data(tmp_path, 0).classifier().weights_hash)
        for variable in model.trainable_variables:
            variable.assign(variable + 1.0)
        return fit(model, *rest)

    monkeypatch.setattr(classifier, "_fit", slower)
    assert [_data(tmp_path, 0).classifier().weights_hash] == of_another
    assert len(list((tmp_path / "cache").glob("*.weights.h5"))) == 1


def test_a_classifier_whose_weights_are_not_named_is_found(tmp_path, untrained):
    kept = _data(tmp_path, 0).classifier()
    (about,) = (tmp_path / "cache").glob("classifier-*.json")
    facts = json.loads(about.read_text())
    (about.parent / facts.pop("weights")).rename(about.with_suffix(".weights.h5"))
    about.write_text(json.dumps(facts))
    assert _data(tmp_path, 0).classifier().weights_hash == kept.weights_hash
    assert len(untrained) == 1


def test_an_image_that_does_not_decode_is_named(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(3):
            image = np.random.default_rng(i).integers(0, 256, (16, 16, 3))
            encoded = tf.io.encode_png(image.astype(np.uint8)).numpy()
            (tmp_path / name / f"{i}.png").write_bytes(encoded)
    (tmp_path / "b" / "1.png").write_bytes(encoded[:100])
    flags = ["--dataset=image_folder", f"--data_dir={tmp_path}", "--batch_size=2"]
    flags += [f"--cache_dir={tmp_path / '.cache'}", "--resolution=32"]
    with pytest.raises(InputError, match="image b/1.png of .* cannot be read"):
        dataset.prepare(config_lib.parse(flags), lambda line: None)


def test_classes_that_images_do_not_have_are_nobodys(tmp_path, monkeypatch):
    """Such as of a split that a data set with classes has for training without them."""
    load_table = dataset.load_table

    def without_labels(*arguments):
        table = load_table(*arguments)
        return dataclasses.replace(table, labels=np.full_like(table.labels, -1))

    monkeypatch.setattr(dataset, "load_table", without_labels)
    flags = [f"--workdir={tmp_path}", "--dataset=digits", "--noconditional"]
    data = open_data(config_lib.parse(flags), lambda line: None)
    assert data.config.data.num_classes is None
    with pytest.raises(InputError, match="two classes or more, all labelled"):
        data.classifier()
    scored = during_training.scoring_config(data.config)
    with pytest.raises(InputError, match="no two classes to train a classifier"):
        wanted_spaces(scored)
