"""Reference statistics: streamed, cached, imported, and never of something else."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.evaluation import reference as reference_lib
from tf_smallgan.evaluation import reference as unfinished_lib
from tf_smallgan.evaluation.reference import (
    UnfinishedFile,
    load_or_compute,
    load_reference,
)


@pytest.fixture(scope="module")
def computed(data, pixel_space):
    return load_or_compute(data, pixel_space)


def records_of(data, reference):
    return data.table.records_of(reference.digests)


def test_equals_all_images_at_once(data, pixel_space, computed):
    images = np.stack([image.numpy() for image, _ in data.images()])
    features = pixel_space.function(tf.constant(images))[0].numpy()
    assert computed.count == len(images) == 1797
    np.testing.assert_allclose(
        computed.features, features[records_of(data, computed)], rtol=1e-5, atol=1e-6
    )
    wide = computed.features.astype(np.float64)
    np.testing.assert_allclose(computed.gaussian.mean, wide.mean(0), rtol=1e-10)
    np.testing.assert_allclose(
        computed.gaussian.covariance, np.cov(wide, rowvar=False), rtol=1e-8, atol=1e-14
    )
    np.testing.assert_array_equal(
        computed.labels, data.table.labels[records_of(data, computed)]
    )


def test_second_call_reads_the_cache(data, pixel_space, computed, monkeypatch):
    monkeypatch.setattr(reference_lib, "_embed", None)
    again = load_or_compute(data, pixel_space)
    np.testing.assert_array_equal(again.gaussian.mean, computed.gaussian.mean)
    np.testing.assert_array_equal(again.features, computed.features)
    assert again.facts == computed.facts and again.path == computed.path


def test_other_weights_or_data_have_their_own_file(data, pixel_space, computed):
    other = dataclasses.replace(pixel_space, hash="other")
    assert load_or_compute(data, other).path != computed.path
    split = dataclasses.replace(data.config.data, split="test")
    config = dataclasses.replace(data.config, data=split)
    moved = dataclasses.replace(data, config=config)
    assert load_or_compute(moved, pixel_space).path != computed.path


def test_points_are_a_bounded_subset_in_random_order(data, pixel_space, monkeypatch):
    monkeypatch.setattr(reference_lib, "MOST_POINTS", 50)
    found = load_or_compute(data, pixel_space)
    assert found.features.shape == (50, 16) and found.count == 1797
    records = records_of(data, found)
    assert len(set(records)) == 50
    assert not np.array_equal(records, np.sort(records))


def test_a_reference_of_some_images(data, pixel_space, computed, monkeypatch):
    found = load_or_compute(data, pixel_space, most_images=200)
    assert found.path != computed.path
    records = records_of(data, found)
    assert found.count == found.facts["images"] == len(set(records)) == 200
    # The same ones as all references begin with, spread over the data.
    np.testing.assert_array_equal(found.digests, computed.digests[:200])
    assert records.min() < 100 and records.max() > 1700
    np.testing.assert_allclose(found.features, computed.features[:200], rtol=1e-6)
    wide = found.features.astype(np.float64)
    np.testing.assert_allclose(found.gaussian.mean, wide.mean(0), rtol=1e-10)
    np.testing.assert_allclose(
        found.gaussian.covariance, np.cov(wide, rowvar=False), rtol=1e-8, atol=1e-14
    )
    np.testing.assert_array_equal(found.labels, data.table.labels[records])
    again = load_or_compute(data, pixel_space, most_images=200)
    np.testing.assert_array_equal(again.features, found.features)
    # So many or more are all of them.
    monkeypatch.setattr(reference_lib, "_embed", None)
    assert load_or_compute(data, pixel_space, most_images=1797).path == computed.path
    assert load_or_compute(data, pixel_space, most_images=5000).path == computed.path


def test_an_image_that_cannot_be_read_is_named(data, pixel_space, tmp_path):
    def read(record):
        return tf.where(record == 70, b"no image", data.read(record))

    damaged = dataclasses.replace(data, read=read, folder=tmp_path)
    name = data.table.name_of(70)
    with pytest.raises(InputError, match=f"The image {name} of .* cannot be read"):
        load_or_compute(damaged, pixel_space)


class Killed(Exception):
    """Stands for a kill, between two batches."""


def computed_after_a_kill(data, space, monkeypatch, at, strategy=None, resumed=None):
    """The reference, killed when `at` images are embedded, and what was reported."""
    monkeypatch.setattr(unfinished_lib, "_EVERY_SECONDS", 0)
    data = dataclasses.replace(data, folder=data.folder / f"killed-at-{at}")

    def kill(done, total):
        if done >= at:
            raise Killed

    with pytest.raises(Killed):
        load_or_compute(data, space, strategy, kill)
    reported = []
    report = lambda done, total: reported.append((done, total))  # noqa: E731
    found = load_or_compute(data, space, resumed, report)
    return found, reported, sorted(path.name for path in data.folder.iterdir())


# In the middle of a join of moments (1,024 vectors each), and behind the first.
@pytest.mark.parametrize("at", [640, 1600])
def test_a_kill_loses_nothing(data, pixel_space, computed, monkeypatch, at):
    found, reported, files = computed_after_a_kill(data, pixel_space, monkeypatch, at)
    assert reported[0] == (at + 64, 1797) and reported[-1] == (1797, 1797)
    np.testing.assert_array_equal(found.gaussian.mean, computed.gaussian.mean)
    np.testing.assert_array_equal(
        found.gaussian.covariance, computed.gaussian.covariance
    )
    np.testing.assert_array_equal(found.features, computed.features)
    assert files == [pathlib.Path(found.path).name]


def test_other_replicas_go_on_with_it(
    data, pixel_space, computed, monkeypatch, two_replicas
):
    found, reported, _ = computed_after_a_kill(
        data, pixel_space, monkeypatch, 704, None, two_replicas
    )
    assert reported[0][0] > 704
    np.testing.assert_array_equal(found.gaussian.mean, computed.gaussian.mean)
    np.testing.assert_array_equal(found.features, computed.features)


def test_an_interrupted_embedding_that_cannot_be_read(tmp_path):
    path = tmp_path / "odd.unfinished.npz"
    for content in (b"", b"PK\x03\x04 half of an archive"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="odd.unfinished.npz.* Remove it to begin"):
            UnfinishedFile(path).load(16)
    np.savez(path, mu=np.zeros(16))
    with pytest.raises(InputError, match="points.* Remove it to begin anew"):
        UnfinishedFile(path).load(16)


def test_two_replicas_compute_the_same(
    data, pixel_space, computed, two_replicas, tmp_path
):
    found = load_or_compute(
        dataclasses.replace(data, folder=tmp_path), pixel_space, two_replicas
    )
    np.testing.assert_array_equal(found.gaussian.mean, computed.gaussian.mean)
    np.testing.assert_array_equal(found.features, computed.features)


def test_import_of_published_statistics(tmp_path, pixel_space):
    path = tmp_path / "published.npz"
    np.savez(path, mu=np.arange(16.0), sigma=np.eye(16))
    found = load_reference(str(path), pixel_space)
    assert found.gaussian.mean[3] == 3 and found.count is None
    assert found.features is None and found.facts == {"imported": str(path)}


def test_files_that_do_not_fit(tmp_path, pixel_space, computed):
    path = tmp_path / "odd.npz"
    with pytest.raises(InputError, match="cannot be read as .npz"):
        load_reference(str(path), pixel_space)
    np.savez(path, mu=np.zeros(16))
    with pytest.raises(InputError, match=r"lacks \['sigma'\]"):
        load_reference(str(path), pixel_space)
    np.savez(path, mu=np.zeros(5), sigma=np.eye(5))
    with pytest.raises(InputError, match="pixels features have 16 dimensions"):
        load_reference(str(path), pixel_space)
    other = dataclasses.replace(pixel_space, hash="other")
    with pytest.raises(InputError, match="weights_hash 'none' and this run has"):
        load_reference(computed.path, other)
