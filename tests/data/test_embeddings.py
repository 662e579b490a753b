"""The embedding cache: resumable, exact, and refused when it does not fit."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.config.flags import DataFlags
from tf_smallgan.data import dataset, embeddings, images
from tf_smallgan.data.embeddings import project, projection
from tf_smallgan.errors import InputError

SPEC = embeddings.CacheSpec(
    dataset="digits",
    split="train",
    resolution=8,
    channels=1,
    embedder={"name": "pixels"},
    embedding_dim=5,
    projection_seed=3,
)


def _pixels(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / np.float32(255)


def build_cache(folder, read, table, spec, embed, **options) -> np.ndarray:
    """Embeds what is not embedded yet and returns all embeddings."""
    embeddings.CacheBuild(folder, read, table, spec, embed, **options).run()
    return embeddings.load_cache(folder, table, spec)


@pytest.fixture(scope="module")
def digits():
    source = dataset.open_source(DataFlags())
    table = source.scan()
    return source.reader(table), table


def _contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class _Killed(Exception):
    pass


def _killed_after(batches: int):
    left = [batches]

    def embed(images: np.ndarray) -> np.ndarray:
        left[0] -= 1
        if left[0] < 0:
            raise _Killed
        return _pixels(images)

    return embed


def test_cache_is_the_projection_of_the_features(digits, tmp_path):
    from sklearn.datasets import load_digits

    read, table = digits
    rows = build_cache(str(tmp_path), read, table, SPEC, _pixels)
    features = np.rint(load_digits().images / 16 * 255).reshape(-1, 64) / 255
    expected = features @ projection(64, 5, seed=3)
    assert rows.shape == (1797, 5) and rows.dtype == np.float32
    np.testing.assert_allclose(rows, expected, atol=1e-5)


def test_killed_and_resumed_equals_made_in_one_go(digits, tmp_path):
    read, table = digits
    options = {"batch_size": 50, "shard_size": 400}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    rows = build_cache(str(whole), read, table, SPEC, _pixels, **options)
    for batches in (20, 3):
        with pytest.raises(_Killed):
            build_cache(
                str(killed), read, table, SPEC, _killed_after(batches), **options
            )
        assert not embeddings.is_complete(str(killed), table, SPEC)
    assert len(list(killed.glob("embeddings-*"))) == 2
    resumed = build_cache(str(killed), read, table, SPEC, _killed_after(20), **options)
    np.testing.assert_array_equal(resumed, rows)
    assert _contents(killed) == _contents(whole)
    assert embeddings.is_complete(str(killed), table, SPEC)


def test_resuming_with_another_shard_size_keeps_the_first(digits, tmp_path):
    read, table = digits
    with pytest.raises(_Killed):
        build_cache(str(tmp_path), read, table, SPEC, _killed_after(20), shard_size=400)
    build_cache(str(tmp_path), read, table, SPEC, _pixels, shard_size=999)
    assert len(list(tmp_path.glob("embeddings-*-of-00005.npy"))) == 5


def test_workers_share_the_shards(digits, tmp_path):
    read, table = digits
    folder = str(tmp_path)
    build = embeddings.CacheBuild(folder, read, table, SPEC, _pixels, shard_size=400)
    build.run(worker=1, workers=2)
    with pytest.raises(InputError, match="is not finished in .*prepare"):
        embeddings.load_cache(folder, table, SPEC)
    build.run(worker=0, workers=2)
    assert embeddings.load_cache(folder, table, SPEC).shape == (1797, 5)


def test_embedder_gets_whole_batches_of_unflipped_images(digits, tmp_path):
    read, table = digits
    shapes = set()

    def embed(images: np.ndarray) -> np.ndarray:
        shapes.add((images.shape, images.dtype))
        return _pixels(images)

    build_cache(str(tmp_path), read, table, SPEC, embed)
    assert shapes == {((64, 8, 8, 1), np.dtype(np.uint8))}


def test_few_features_are_kept_as_they_are(digits, tmp_path):
    features = np.random.RandomState(0).rand(4, 5).astype(np.float32)
    np.testing.assert_array_equal(project(features, 5, 0), features)
    np.testing.assert_array_equal(project(features, 8, 0), features)


def test_a_projection_does_not_depend_on_how_many_come_with_it():
    features = np.random.RandomState(0).normal(size=(150, 128)).astype(np.float32)
    together = project(features, 8, 0)
    np.testing.assert_allclose(together, features @ projection(128, 8, 0), atol=1e-4)
    apart = [project(features[at : at + 64], 8, 0) for at in (0, 64, 128)]
    np.testing.assert_array_equal(together, np.concatenate(apart))


def test_projection_keeps_distances_on_average():
    points = np.random.RandomState(1).rand(40, 500)
    before = ((points[1:] - points[0]) ** 2).sum(axis=1)
    ratios = [
        ((points[1:] - points[0]) @ projection(500, 32, seed)) ** 2
        for seed in range(50)
    ]
    ratio = np.mean([r.sum(axis=1) / before for r in ratios])
    assert abs(ratio - 1) < 0.03
    np.testing.assert_array_equal(projection(9, 4, 1), projection(9, 4, 1))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"embedding_dim": 6}, "embedding_dim: the cache has 5, this run has 6"),
        ({"dataset": "mnist"}, 'dataset: the cache has "digits", this run has "mnist"'),
        ({"embedder": {"name": "x"}}, 'embedder.name: the cache has "pixels"'),
        ({"embedder": {}}, "embedder.name: .* this run has nothing"),
        ({"resolution": 32}, "resolution: the cache has 8, this run has 32"),
        ({"projection_seed": 4}, "projection_seed: the cache has 3"),
    ],
)
def test_other_settings_are_refused_with_the_difference(digits, tmp_path, change, line):
    read, table = digits
    build_cache(str(tmp_path), read, table, SPEC, _pixels)
    other = dataclasses.replace(SPEC, **change)
    before = _contents(tmp_path)
    for use in (
        lambda: embeddings.load_cache(str(tmp_path), table, other),
        lambda: build_cache(str(tmp_path), read, table, other, _pixels),
    ):
        with pytest.raises(InputError, match=f"(?s){line}.*--cache_dir="):
            use()
    assert _contents(tmp_path) == before


@pytest.mark.parametrize(
    ("network", "change", "advice"),
    [
        ("classifier", {"projection_seed": 4}, "--cache_seed=3 shares it"),
        # The classifier's weights follow from the same seed, Inception's do not.
        ("classifier", {"projection_seed": 4, "weights": "b"}, "--cache_seed=3 shares"),
        (
            "inception",
            {"projection_seed": 4, "weights": "b"},
            "or remove .*fingerprint",
        ),
        ("classifier", {"weights": "b"}, "or remove .*fingerprint"),
        ("classifier", {"projection_seed": 4, "resolution": 32}, "or remove .*npy"),
    ],
)
def test_the_way_out_of_another_cache(digits, tmp_path, network, change, advice):
    read, table = digits
    spec = dataclasses.replace(SPEC, embedder={"name": network, "weights": "a"})
    build_cache(str(tmp_path), read, table, spec, _pixels)
    change = dict(change)
    if "weights" in change:
        change["embedder"] = {"name": network, "weights": change.pop("weights")}
    other = dataclasses.replace(spec, **change)
    with pytest.raises(InputError, match=f"(?s){advice}"):
        embeddings.load_cache(str(tmp_path), table, other)


def test_other_images_are_refused(digits, tmp_path):
    read, table = digits
    build_cache(str(tmp_path), read, table, SPEC, _pixels)
    other = dataclasses.replace(table, digests=table.digests + 1)
    with pytest.raises(InputError, match="identity_hash: the cache has"):
        embeddings.load_cache(str(tmp_path), other, SPEC)


def test_no_cache_says_how_to_make_one(digits, tmp_path):
    with pytest.raises(InputError, match="no embedding cache in .*tf_smallgan.prepare"):
        embeddings.load_cache(str(tmp_path), digits[1], SPEC)


def test_features_that_are_not_finite_are_refused(digits, tmp_path):
    read, table = digits

    def embed(images: np.ndarray) -> np.ndarray:
        return np.full((len(images), 3), np.nan)

    with pytest.raises(InputError, match="NaN or infinite.*digits__0"):
        build_cache(str(tmp_path), read, table, SPEC, embed)


def test_unreadable_image_is_named(image_folder, tmp_path):
    path = image_folder / "dog" / "5.jpg"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    source = dataset.open_source(
        DataFlags(dataset="image_folder", data_dir=str(image_folder))
    )
    table = source.scan()
    with pytest.raises(InputError, match="dog/5.jpg .* cannot be read as PNG or JPEG"):
        build_cache(
            str(tmp_path / "cache"),
            source.reader(table),
            table,
            SPEC,
            _pixels,
            batch_size=2,
        )


def test_an_image_that_is_gone_is_named(image_folder, tmp_path):
    source = dataset.open_source(
        DataFlags(dataset="image_folder", data_dir=str(image_folder))
    )
    table = source.scan()
    (image_folder / "dog" / "5.jpg").unlink()
    with pytest.raises(InputError, match="dog/5.jpg .* cannot be read"):
        build_cache(str(tmp_path / "cache"), source.reader(table), table, SPEC, _pixels)


def test_a_finite_set_of_batches_ends():
    batches = images.naming_unreadable(iter([1, 2]), 0, lambda step: None)
    assert list(batches) == [1, 2]


def test_shuffled_and_resharded_files_keep_their_embeddings(
    make_pictures, store_tfds, tmp_path
):
    """A cache made from one layout serves another; each image keeps its own row.

    The build is killed half way in the first layout and goes on in the second.
    """
    pictures, turn = make_pictures(30), np.random.RandomState(0).permutation(30)
    layouts = (
        store_tfds(tmp_path / "one", pictures, [i % 10 for i in range(30)]),
        store_tfds(
            tmp_path / "other",
            [pictures[i] for i in turn],
            [i % 10 for i in turn],
            num_shards=4,
        ),
    )
    folder = str(tmp_path / "cache")
    first, second = (
        dataset.open_source(DataFlags(dataset="pictures", data_dir=layout))
        for layout in layouts
    )
    tables, sizes = (first.scan(), second.scan()), {"batch_size": 4, "shard_size": 8}
    with pytest.raises(_Killed):
        build_cache(
            folder, first.reader(tables[0]), tables[0], SPEC, _killed_after(5), **sizes
        )
    moved = build_cache(
        folder, second.reader(tables[1]), tables[1], SPEC, _pixels, **sizes
    )
    direct = build_cache(
        str(tmp_path / "direct"), second.reader(tables[1]), tables[1], SPEC, _pixels
    )
    np.testing.assert_allclose(moved, direct, atol=1e-6)
    back = embeddings.load_cache(folder, tables[0], SPEC)
    np.testing.assert_array_equal(back[turn], moved)


def test_progress_counts_images(digits, tmp_path):
    read, table = digits
    seen = []
    build_cache(
        str(tmp_path),
        read,
        table,
        SPEC,
        _pixels,
        report=lambda done, total: seen.append((done, total)),
    )
    assert seen[0] == (64, 1797) and seen[-1] == (1797, 1797)
    assert tf.io.gfile.exists(f"{tmp_path}/fingerprint.json")
