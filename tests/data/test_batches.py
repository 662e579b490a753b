"""Training batches against brute force, and what makes them repeatable."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import coreset
from tf_smallgan.config.flags import DataFlags
from tf_smallgan.data import batches, images
from tf_smallgan.data import dataset as sources
from tf_smallgan.data.batches import BatchPlan
from tf_smallgan.randomness import Purpose, stream

PLAN = BatchPlan(
    seed=5,
    batch_size=8,
    num_replicas=2,
    discriminator_steps=2,
    oversample=4,
    resolution=8,
    channels=1,
    random_flip=True,
)
NUM_IMAGES = 100


@dataclasses.dataclass(frozen=True)
class _Data:
    read: object
    table: object
    points: np.ndarray

    def elements(self, plan, count, start_step=0, replicas=None):
        replicas = range(plan.num_replicas) if replicas is None else replicas
        dataset = batches.training_dataset(
            self.read, self.table, self.points, plan, start_step, replicas
        )
        return list(dataset.take(count).as_numpy_iterator())


@pytest.fixture(scope="module")
def data():
    """The first 100 digits, with random embeddings."""
    source = sources.open_source(DataFlags())
    table = source.scan()
    names = ("labels", "digests", "channels", "file_numbers", "rows", "offsets")
    cut = {name: getattr(table, name)[:NUM_IMAGES] for name in names}
    table = dataclasses.replace(table, lengths=table.lengths[:NUM_IMAGES], **cut)
    points = np.random.RandomState(0).randn(NUM_IMAGES, 6).astype(np.float32)
    return _Data(source.reader(table), table, points)


@functools.cache
def _epoch(seed: int, epoch: int) -> np.ndarray:
    """All record numbers of an epoch."""
    positions = tf.range(NUM_IMAGES, dtype=tf.int64) + epoch * NUM_IMAGES
    return batches.records_at(positions, NUM_IMAGES, seed).numpy()


def _large_batch(draw: int, plan: BatchPlan) -> np.ndarray:
    """Record numbers of one draw's large batch, position by position."""
    first, size = draw * plan.large_batch_size, plan.large_batch_size
    return np.array(
        [
            _epoch(plan.seed, position // NUM_IMAGES)[position % NUM_IMAGES]
            for position in range(first, first + size)
        ]
    )


def _farthest(points: np.ndarray, k: int) -> list[int]:
    """Greedy k-center by brute force."""
    chosen = [0]
    while len(chosen) < k:
        distances = ((points[:, None] - points[chosen]) ** 2).sum(-1).min(axis=1)
        distances[chosen] = -1
        chosen.append(int(distances.argmax()))
    return chosen


def _assert_same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second):
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)


def test_shapes_are_static(data):
    dataset = batches.training_dataset(
        data.read, data.table, data.points, PLAN, 0, range(2)
    )
    assert dataset.element_spec == {
        "image": tf.TensorSpec([2, 4, 8, 8, 1], tf.float32),
        "label": tf.TensorSpec([2, 4], tf.int32),
        "weight": tf.TensorSpec([2, 4], tf.float32),
        "index": tf.TensorSpec([2, 4], tf.int64),
    }


def test_replica_scope_is_brute_force_on_each_replica_s_part(data):
    elements = data.elements(PLAN, count=16)
    expected = []
    for step, replica in itertools.product(range(8), range(2)):
        own = [
            _large_batch(2 * step + micro, PLAN)[16 * replica : 16 * (replica + 1)]
            for micro in range(2)
        ]
        expected.append([part[_farthest(data.points[part], 4)] for part in own])
    np.testing.assert_array_equal([e["index"] for e in elements], expected)


def test_global_scope_is_brute_force_on_the_whole(data):
    plan = dataclasses.replace(PLAN, scope="global")
    elements = data.elements(plan, count=16)
    expected = []
    for step, replica in itertools.product(range(8), range(2)):
        wholes = [_large_batch(2 * step + micro, plan) for micro in range(2)]
        chosen = [whole[_farthest(data.points[whole], 8)] for whole in wholes]
        expected.append([c[replica::2] for c in chosen])
    np.testing.assert_array_equal([e["index"] for e in elements], expected)


def test_global_scope_on_two_replicas_is_one_device(data):
    """Images too: flips go with the place in the global batch."""
    two = dataclasses.replace(PLAN, scope="global", weights=True)
    one = dataclasses.replace(two, num_replicas=1)
    pairs, wholes = data.elements(two, count=10), data.elements(one, count=5)
    for step, whole in enumerate(wholes):
        for replica in range(2):
            for key, value in pairs[2 * step + replica].items():
                np.testing.assert_array_equal(value, whole[key][:, replica::2])


def test_elements_hold_the_records_they_name(data):
    for element in data.elements(dataclasses.replace(PLAN, random_flip=False), 6):
        for index, image in zip(
            element["index"].ravel(), element["image"].reshape(-1, 8, 8, 1)
        ):
            encoded = data.read(tf.constant(index))
            np.testing.assert_array_equal(
                image, images.to_float(images.decode(encoded, 1))
            )
        np.testing.assert_array_equal(
            element["label"], data.table.labels[element["index"]]
        )


def test_about_half_is_mirrored(data):
    plan = dataclasses.replace(PLAN, oversample=1)
    plain = data.elements(dataclasses.replace(plan, random_flip=False), 60)
    flipped = data.elements(plan, 60)
    mirrored = []
    for one, other in zip(plain, flipped):
        left, right = one["image"].reshape(-1, 64), other["image"].reshape(-1, 64)
        back = other["image"][..., ::-1, :].reshape(-1, 64)
        same, turned = (left == right).all(1), (left == back).all(1)
        assert (same | turned).all()
        mirrored.append(turned & ~same)
    assert 0.4 < np.mean(mirrored) < 0.6


@pytest.mark.parametrize(
    ("scope", "method"), [("replica", "uniform"), ("global", "k_center")]
)
def test_going_on_equals_never_stopping(data, scope, method):
    plan = dataclasses.replace(PLAN, scope=scope, method=method, weights=True)
    whole = data.elements(plan, count=16)
    _assert_same(data.elements(plan, count=10, start_step=3), whole[6:])


@pytest.mark.parametrize("scope", ["replica", "global"])
def test_a_worker_gets_its_replicas_elements(data, scope):
    plan = dataclasses.replace(PLAN, batch_size=12, num_replicas=3, oversample=2)
    plan = dataclasses.replace(plan, scope=scope)
    whole = data.elements(plan, count=9)
    both = [e for i, e in enumerate(whole) if i % 3 != 1]
    _assert_same(data.elements(plan, 6, replicas=[0, 2]), both)


def test_without_oversampling_an_epoch_is_every_image_once(data):
    plan = dataclasses.replace(PLAN, batch_size=10, oversample=1)
    no_points = dataclasses.replace(data, points=None)
    for epoch in range(2):
        elements = no_points.elements(plan, count=10, start_step=5 * epoch)
        drawn = np.concatenate([e["index"].ravel() for e in elements])
        np.testing.assert_array_equal(np.sort(drawn), np.arange(NUM_IMAGES))
        assert all((e["weight"] == 1).all() for e in elements)


def test_every_image_is_offered_once_an_epoch():
    """The large batches of an epoch, straddling its end, cover all images."""
    draws = [_large_batch(draw, PLAN) for draw in range(7)]
    offered = np.concatenate(draws)
    for epoch in range(2):
        part = offered[epoch * NUM_IMAGES : (epoch + 1) * NUM_IMAGES]
        np.testing.assert_array_equal(np.sort(part), np.arange(NUM_IMAGES))


def test_weights_are_shares_of_the_large_batch(data):
    plan = dataclasses.replace(PLAN, scope="global", num_replicas=1, weights=True)
    for draw, element in enumerate(data.elements(plan, count=4)):
        for micro in range(2):
            whole = _large_batch(2 * draw + micro, plan)
            centers = data.points[element["index"][micro]]
            nearest = ((data.points[whole][:, None] - centers) ** 2).sum(-1).argmin(1)
            shares = np.bincount(nearest, minlength=8) * 8 / len(whole)
            np.testing.assert_allclose(element["weight"][micro], shares, rtol=1e-5)
            assert element["weight"][micro].mean() == pytest.approx(1)


def test_choice_is_that_of_the_coreset_package(data):
    plan = dataclasses.replace(PLAN, method="uniform", scope="global", num_replicas=1)
    whole = _large_batch(0, plan)
    seed = stream(plan.seed, Purpose.IMAGE_SELECTION, 0)
    chosen = coreset.select("uniform", tf.constant(data.points[whole]), 8, seed)
    element = data.elements(plan, count=1)[0]
    np.testing.assert_array_equal(element["index"][0], whole[chosen.numpy()])


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.parametrize("scope", ["replica", "global"])
def test_the_radius_is_that_of_the_batch_trained_on(data, scope, balance):
    plan = dataclasses.replace(PLAN, scope=scope, per_class_balance=balance)
    found = batches.large_batch_radius(plan, data.table, data.points, step=3)
    large = _large_batch(3 * plan.discriminator_steps, plan)
    ordered = batches.records_of_step(data.table, data.points, plan, 3, range(2))
    chosen = ordered.reshape(2, plan.discriminator_steps, -1)[:, 0]
    if scope == "replica":
        large, chosen = large[:16], chosen[0]
    apart = data.points[large][:, None] - data.points[chosen.ravel()]
    radius = np.sqrt((apart**2).sum(-1).min(axis=1).max())
    assert float(found["radius"]) == pytest.approx(radius, rel=1e-5)


def test_another_seed_draws_otherwise(data):
    plan = dataclasses.replace(PLAN, oversample=1)
    first = data.elements(plan, 4)
    second = data.elements(dataclasses.replace(plan, seed=6), 4)
    assert any((a["index"] != b["index"]).any() for a, b in zip(first, second))


def _op_names(dataset: tf.data.Dataset) -> set[str]:
    graph = tf.compat.v1.GraphDef.FromString(dataset._as_serialized_graph().numpy())
    nodes = list(graph.node)
    for function in graph.library.function:
        nodes.extend(function.node_def)
    return {node.op for node in nodes}


@pytest.mark.parametrize("balance", [False, True])
def test_no_python_runs_in_the_input_graph(data, balance):
    plan = dataclasses.replace(PLAN, per_class_balance=balance, weights=True)
    dataset = batches.training_dataset(
        data.read, data.table, data.points, plan, 0, range(2)
    )
    names = _op_names(dataset)
    assert "DecodePng" in names and not any("PyFunc" in name for name in names)


def test_no_python_runs_when_reading_tfrecords(imagenet_like):
    source = sources.open_source(
        DataFlags(dataset="imagenet2012", data_dir=imagenet_like)
    )
    table = source.scan()
    points = np.random.RandomState(0).randn(60, 3).astype(np.float32)
    elements = []
    for limit in (0, 2**29):
        read = source.reader(table, memory_limit_bytes=limit)
        dataset = batches.training_dataset(read, table, points, PLAN, 0, range(2))
        names = _op_names(dataset)
        assert ("FixedLengthRecordDatasetV2" in names) == (limit == 0)
        assert not any("PyFunc" in name for name in names)
        elements.append(list(dataset.take(4).as_numpy_iterator()))
    _assert_same(*elements)


def test_images_without_labels_have_label_zero(image_folder):
    source = sources.open_source(
        DataFlags(
            dataset="image_folder",
            data_dir=str(image_folder / "cat"),
            conditional=False,
        )
    )
    table = source.scan()
    plan = BatchPlan(seed=0, batch_size=4)
    dataset = batches.training_dataset(
        source.reader(table), table, None, plan, 0, range(1)
    )
    element = next(dataset.as_numpy_iterator())
    assert element["image"].shape == (1, 4, 32, 32, 3) and (element["label"] == 0).all()


def test_core_set_without_embeddings_is_refused(data):
    with pytest.raises(ValueError, match="needs embeddings"):
        dataclasses.replace(data, points=None).elements(PLAN, 1)
