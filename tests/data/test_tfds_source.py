"""TFDS data sets that the tests write themselves."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_smallgan.config.flags import DataFlags
from tf_smallgan.data import dataset, images
from tf_smallgan.data.records import ImageSource, RecordTable
from tf_smallgan.errors import InputError

NUM_IMAGES = 60


def _open(data_dir: str, name: str = "imagenet2012", split: str = "train"):
    return dataset.open_source(
        DataFlags(dataset=name, data_dir=str(data_dir), split=split)
    )


def _read_all(source: ImageSource, table: RecordTable, **options) -> list[bytes]:
    read = source.reader(table, **options)
    numbers = tf.data.Dataset.range(table.num_images)
    return list(numbers.map(read, num_parallel_calls=2).as_numpy_iterator())


def test_facts_of_an_imagenet_like_set(imagenet_like):
    source = _open(imagenet_like)
    table = source.scan()
    assert source.num_classes == len(source.class_names) == 1000
    assert source.default_flip and table.num_images == NUM_IMAGES
    assert len(table.file_names) == 3 and (table.channels == 3).all()


def test_records_are_those_of_tfds(imagenet_like):
    """The table's names and labels are TFDS's own ids and labels."""
    source = _open(imagenet_like)
    table = source.scan()
    examples = tfds.load(
        "imagenet2012",
        split="train",
        data_dir=imagenet_like,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(add_tfds_id=True, interleave_cycle_length=1),
    )
    expected = {e["tfds_id"].decode(): e for e in examples.as_numpy_iterator()}
    assert {table.name_of(n) for n in range(NUM_IMAGES)} == expected.keys()
    for number, encoded in enumerate(_read_all(source, table)):
        example = expected[table.name_of(number)]
        assert encoded == example["image"]
        assert table.labels[number] == example["label"]


def test_byte_ranges_and_memory_agree(imagenet_like):
    source = _open(imagenet_like)
    table = source.scan()
    in_memory = _read_all(source, table)
    assert _read_all(source, table, memory_limit_bytes=0) == in_memory
    np.testing.assert_array_equal(images.digest(tf.constant(in_memory)), table.digests)


@pytest.mark.parametrize("split", ["train[10:45]", "train[:10%]", "train[50%:]"])
def test_parts_of_a_split(imagenet_like, split):
    whole, source = _open(imagenet_like).scan(), _open(imagenet_like, split=split)
    table = source.scan()
    names = [whole.name_of(n) for n in range(NUM_IMAGES)]
    first = names.index(table.name_of(0))
    np.testing.assert_array_equal(
        table.digests, whole.digests[first : first + table.num_images]
    )
    by_range = _read_all(source, table, memory_limit_bytes=0)
    assert by_range == _read_all(source, table)


def test_scan_reports_its_progress(imagenet_like):
    seen = []
    _open(imagenet_like).scan(lambda done, total: seen.append((done, total)))
    assert seen[-1] == (NUM_IMAGES, NUM_IMAGES) and len(seen) == 3


def test_resharding_keeps_the_identity(make_pictures, store_tfds, tmp_path):
    pictures, turn = make_pictures(30), np.random.RandomState(0).permutation(30)
    one = store_tfds(tmp_path / "one", pictures, [i % 10 for i in range(30)])
    other = store_tfds(
        tmp_path / "other",
        [pictures[i] for i in turn],
        [i % 10 for i in turn],
        num_shards=4,
    )
    first, second = _open(one, "pictures"), _open(other, "pictures")
    assert first.storage() != second.storage()
    tables = first.scan(), second.scan()
    assert tables[0].identity_hash == tables[1].identity_hash
    np.testing.assert_array_equal(tables[0].digests[turn], tables[1].digests)


def test_grey_images(make_pictures, store_tfds, tmp_path):
    features = {
        "image": tfds.features.Image(shape=(None, None, 1)),
        "label": tfds.features.ClassLabel(num_classes=3),
    }
    where = store_tfds(
        tmp_path, make_pictures(4, channels=1), [0, 1, 2, 0], features=features
    )
    assert (_open(where, "pictures").scan().channels == 1).all()


def test_images_without_labels(make_pictures, store_tfds, tmp_path):
    features = {"image": tfds.features.Image(), "id": tfds.features.Text()}
    where = store_tfds(
        tmp_path, make_pictures(4), [0] * 4, features=features, extra={"id": "x"}
    )
    source = _open(where, "pictures")
    assert source.num_classes is None
    assert (source.scan().labels == -1).all()


def test_another_version_than_tfds_would_make_is_used(
    make_pictures, store_tfds, tmp_path
):
    where = store_tfds(
        tmp_path, make_pictures(3), [0, 1, 2], name="cifar10", version="1.2.3"
    )
    assert _open(where, "cifar10").scan().num_images == 3
    assert _open(where, "cifar10:1.2.3").scan().num_images == 3


def test_unknown_name_suggests_close_ones(tmp_path):
    with pytest.raises(InputError, match="--dataset=cifar11 is not known.*cifar10"):
        _open(tmp_path, "cifar11")
    with pytest.raises(InputError, match="--dataset=digit is not known.*digits"):
        _open(tmp_path, "digit")


def test_unknown_split_lists_the_splits(imagenet_like):
    with pytest.raises(InputError, match="--split=training.*splits are train"):
        _open(imagenet_like, split="training")


def test_empty_split(imagenet_like):
    with pytest.raises(InputError, match=r"--split=train\[:0\].*has no images"):
        _open(imagenet_like, split="train[:0]")


def test_set_that_is_not_there_says_how_to_build_it(tmp_path):
    """imagenet2012 needs a manual download, so that preparing it must fail."""
    with pytest.raises(
        InputError, match="is not prepared in .*tfds build imagenet2012 --data_dir="
    ):
        _open(tmp_path)


def test_several_images_none_called_image(make_pictures, store_tfds, tmp_path):
    features = {"left": tfds.features.Image(), "right": tfds.features.Image()}
    pictures = make_pictures(2)
    where = store_tfds(
        tmp_path,
        pictures,
        [0, 0],
        features=features,
        extra={"left": pictures[0], "right": pictures[1]},
    )
    with pytest.raises(InputError, match="none called 'image'.*left .Image., right"):
        _open(where, "pictures")


def test_no_image_feature(store_tfds, tmp_path):
    features = {"label": tfds.features.ClassLabel(num_classes=3)}
    where = store_tfds(tmp_path, [None, None], [0, 1], features=features)
    with pytest.raises(InputError, match="no image feature.*label .ClassLabel."):
        _open(where, "pictures")


def test_damaged_file_is_named(imagenet_like, tmp_path):
    source = _open(imagenet_like)
    path = pathlib.Path(source._parts[0].path)
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes()[:-100])
    source._parts[0] = dataclasses.replace(source._parts[0], path=str(copy))
    with pytest.raises(InputError, match=f"{path.name} is damaged"):
        source.scan()
