"""Folders of images, right ones and wrong ones."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tf_smallgan.config.flags import DataFlags
from tf_smallgan.data import dataset as sources
from tf_smallgan.data import images, labels
from tf_smallgan.data.batches import BatchPlan, records_of_step, training_dataset
from tf_smallgan.errors import InputError


def _open(folder, conditional=None):
    return sources.open_source(
        DataFlags(dataset="image_folder", data_dir=str(folder), conditional=conditional)
    )


def test_classes_are_the_folders_in_order(image_folder):
    source = _open(image_folder)
    table = source.scan()
    assert source.class_names == ("cat", "dog") and source.num_classes == 2
    np.testing.assert_array_equal(table.labels, [0] * 6 + [1] * 6)
    assert table.name_of(11) == "dog/5.jpg"


def test_mixed_channels_are_counted_and_converted(image_folder):
    source = _open(image_folder)
    table = source.scan()
    np.testing.assert_array_equal(table.channels, [3, 3, 1, 1, 4, 3] * 2)
    assert (
        "4 grey images were converted to RGB; "
        "2 four-channel images were converted to RGB"
    ) in labels.describe(table, 3, source.class_names)
    batches = images.decoded_images(source.reader(table), table, 16, 3).batch(5)
    shapes = [tuple(batch.shape) for batch, _ in batches]
    assert shapes == [(5, 16, 16, 3), (5, 16, 16, 3), (2, 16, 16, 3)]


def test_jpegs_by_other_names_are_images_too(image_folder):
    for name in ("x.jfif", "y.JPE"):
        shutil.copy(image_folder / "dog" / "5.jpg", image_folder / "dog" / name)
    assert _open(image_folder).scan().num_images == 14


def test_missing_folder(tmp_path):
    with pytest.raises(InputError, match="--data_dir=.*nowhere is not a folder"):
        _open(tmp_path / "nowhere")


def test_empty_folder(tmp_path):
    with pytest.raises(InputError, match="has no images: expected a folder a class"):
        _open(tmp_path)


def test_one_level_too_high_names_the_right_folder(image_folder):
    with pytest.raises(InputError, match="one level too high.*Give --data_dir=.*/pets"):
        _open(image_folder.parent)


def test_images_that_lie_below_the_class_folders(image_folder):
    """As in Tiny ImageNet: class/images/1.png."""
    for name in ("cat", "dog"):
        (image_folder / name).rename(image_folder / "images")
        (image_folder / name).mkdir()
        (image_folder / "images").rename(image_folder / name / "images")
    with pytest.raises(InputError, match="lie deeper, such as in .*/cat/images. Move"):
        _open(image_folder)
    with pytest.raises(InputError, match="Give --data_dir=.*/cat/images"):
        _open(image_folder, conditional=False)


def test_one_level_too_low(image_folder):
    with pytest.raises(InputError, match="no class folders.*above it .*pets"):
        _open(image_folder / "cat")


def test_one_class_is_refused_in_a_conditional_run(image_folder):
    shutil.rmtree(image_folder / "dog")
    source = _open(image_folder)
    with pytest.raises(InputError, match="All 6 images .* have the label 0"):
        labels.check_labels(source.scan(), True, source.num_classes)
    labels.check_labels(source.scan(), True, 1, one_class=True)


def test_images_without_classes_need_an_unconditional_run(image_folder):
    source = _open(image_folder / "cat", conditional=False)
    assert source.num_classes is None and source.class_names is None
    assert (source.scan().labels == -1).all()


def test_empty_class_folder(image_folder):
    (image_folder / "bird").mkdir()
    with pytest.raises(InputError, match="class folder .*/bird has no PNG or JPEG"):
        _open(image_folder)


def test_images_beside_class_folders(image_folder):
    shutil.copy(image_folder / "cat" / "0.png", image_folder / "0.png")
    with pytest.raises(InputError, match="also 1 images beside them, such as 0.png"):
        _open(image_folder)


def test_images_of_another_kind(image_folder):
    (image_folder / "cat" / "7.webp").write_bytes(b"RIFF")
    with pytest.raises(InputError, match="7.webp is .webp; only PNG and JPEG"):
        _open(image_folder)


def test_hidden_and_other_files_are_passed_over(image_folder):
    (image_folder / ".cache").mkdir()
    (image_folder / "readme.txt").write_text("pets")
    (image_folder / "cat" / ".DS_Store").write_bytes(b"x")
    assert _open(image_folder).scan().num_images == 12


def test_file_that_is_no_image_is_named(image_folder):
    (image_folder / "dog" / "2.png").write_bytes(b"no image at all, whatever it says")
    with pytest.raises(InputError, match="pets/dog/2.png is not a PNG or JPEG"):
        _open(image_folder).scan()


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_file_cut_off_in_its_header_is_named(image_folder, content):
    (image_folder / "dog" / "2.png").write_bytes(content)
    with pytest.raises(InputError, match="pets/dog/2.png"):
        _open(image_folder).scan()


def test_damaged_image_is_found_by_name(image_folder):
    path = image_folder / "dog" / "5.jpg"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    source = _open(image_folder)
    table = source.scan()
    with pytest.raises(InputError, match="dog/5.jpg of image_folder train cannot be"):
        images.refuse_unreadable(source.reader(table), table, np.arange(12), 3)


def test_renumbered_folder_has_the_same_identity(image_folder):
    first = _open(image_folder).scan()
    (image_folder / "cat").rename(image_folder / "a_cat")
    (image_folder / "a_cat" / "0.png").rename(image_folder / "a_cat" / "9.png")
    second = _open(image_folder).scan()
    assert second.identity_hash == first.identity_hash
    assert second.name_of(5) == "a_cat/9.png"


def test_relabelled_folder_has_another_identity(image_folder):
    first = _open(image_folder).scan()
    (image_folder / "cat").rename(image_folder / "zebra")
    assert _open(image_folder).scan().identity_hash != first.identity_hash


def test_damaged_image_is_named_when_training_reaches_it(image_folder):
    content = (image_folder / "dog" / "5.jpg").read_bytes()
    (image_folder / "dog" / "5.jpg").write_bytes(content[: len(content) * 2 // 3])
    source = _open(image_folder)
    table = source.scan()
    read, plan = source.reader(table), BatchPlan(seed=0, batch_size=2)
    numbers = [records_of_step(table, None, plan, step, [0]) for step in range(7)]
    bad = next(i for i in range(12) if table.name_of(i) == "dog/5.jpg")
    step = next(i for i, records in enumerate(numbers) if bad in records)

    def check(step):
        images.refuse_unreadable(read, table, numbers[step], 3)

    dataset = training_dataset(read, table, None, plan, 0, [0])
    batches = images.naming_unreadable(iter(dataset), 0, check)
    for expected in numbers[:step]:
        np.testing.assert_array_equal(next(batches)["index"][0], expected)
    with pytest.raises(InputError, match="dog/5.jpg of image_folder train cannot be"):
        next(batches)


def test_a_folder_has_one_split(image_folder):
    config = DataFlags(dataset="image_folder", data_dir=str(image_folder), split="test")
    with pytest.raises(InputError, match="--split=test: .* give --split=train"):
        sources.open_source(config)


def test_images_that_lie_on_their_side_are_said(image_folder):
    source = _open(image_folder)
    source.scan()
    assert not source.notice
    tags = Image.Exif()
    tags[0x0112] = 6
    Image.new("RGB", (30, 20)).save(image_folder / "dog" / "5.jpg", exif=tags)
    source = _open(image_folder)
    source.scan()
    assert source.notice.startswith("Note: 1 of the images are marked as turned")


def test_a_file_that_is_gone_is_named(image_folder):
    source = _open(image_folder)
    (image_folder / "dog" / "3.png").unlink()
    source.storage = lambda: ""
    with pytest.raises(InputError, match="dog/3.png cannot be opened"):
        source.scan()
