"""Opening data sets, digits, and the table that is kept."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.config import catalog
from tf_smallgan.config.flags import DataFlags
from tf_smallgan.data import dataset, images
from tf_smallgan.data.records import RecordTable
from tf_smallgan.errors import InputError


def test_digits_are_as_the_catalog_says():
    source = dataset.open_source(DataFlags())
    table, known = source.scan(), catalog.CATALOG["digits"]
    assert table.num_images == known.num_images
    assert source.num_classes == known.num_classes == table.labels.max() + 1
    assert source.default_flip is known.random_flip is False
    assert (table.channels == known.channels).all()


def test_digits_decode_to_scikit_learn_s_pixels():
    from sklearn.datasets import load_digits

    source = dataset.open_source(DataFlags())
    table = source.scan()
    read = source.reader(table)
    for record in (0, 1000):
        image = images.decode(read(tf.constant(record, tf.int64)), 1).numpy()
        expected = np.rint(load_digits().images[record] / 16 * 255)
        np.testing.assert_array_equal(image[..., 0], expected)
    np.testing.assert_array_equal(table.labels, load_digits().target)


def test_digits_have_one_split():
    with pytest.raises(InputError, match="--split=test: digits has only.*train"):
        dataset.open_source(DataFlags(split="test"))


def test_table_survives_saving(image_folder, tmp_path):
    source = dataset.open_source(
        DataFlags(dataset="image_folder", data_dir=str(image_folder))
    )
    table, path = source.scan(), f"{tmp_path}/table.npz"
    table.save(path)
    loaded = RecordTable.load(path)
    for field in dataclasses.fields(RecordTable):
        np.testing.assert_array_equal(
            getattr(loaded, field.name), getattr(table, field.name)
        )
    assert loaded.name_of(0) == "cat/0.png"


def test_a_table_is_read_back_as_older_numpy_wrote_it(
    image_folder, tmp_path, monkeypatch
):
    savez = np.savez

    def before_2_2(file, **arrays):
        savez(file, **{name: np.asarray(array) for name, array in arrays.items()})

    monkeypatch.setattr(np, "savez", before_2_2)
    source = dataset.open_source(
        DataFlags(dataset="image_folder", data_dir=str(image_folder))
    )
    table, path = source.scan(), f"{tmp_path}/table.npz"
    table.save(path)
    assert RecordTable.load(path).identity_hash == table.identity_hash


def test_identity_is_of_images_not_of_their_order(make_table):
    table = make_table([3, 1, 2])
    turned = dataclasses.replace(
        table, digests=table.digests[::-1], labels=table.labels[::-1]
    )
    relabelled = dataclasses.replace(table, labels=table.labels[::-1])
    assert turned.identity_hash == table.identity_hash
    assert relabelled.identity_hash != table.identity_hash


def test_scan_runs_once_until_files_change(image_folder, tmp_path, monkeypatch):
    data = DataFlags(dataset="image_folder", data_dir=str(image_folder))
    scans = []
    scan = type(dataset.open_source(data)).scan
    monkeypatch.setattr(
        type(dataset.open_source(data)),
        "scan",
        lambda self, report: scans.append(1) or scan(self, report),
    )
    folder = str(tmp_path / "cache")
    first = dataset.load_table(dataset.open_source(data), folder)
    again = dataset.load_table(dataset.open_source(data), folder)
    assert len(scans) == 1 and again.identity_hash == first.identity_hash
    (image_folder / "cat" / "0.png").unlink()
    changed = dataset.load_table(dataset.open_source(data), folder)
    assert len(scans) == 2 and changed.num_images == first.num_images - 1


def test_catalog_is_sane():
    assert catalog.facts("imagenet2012:5.1.0").num_images == 1_281_167
    assert catalog.facts("no_such") is None
    assert not catalog.flips_by_default("mnist")
    assert not catalog.flips_by_default("emnist/letters:3.1.0")
    assert catalog.flips_by_default("no_such")
    assert all(known.channels in (1, 3) for known in catalog.CATALOG.values())
