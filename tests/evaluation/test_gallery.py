"""The pictures of a report belong to the figures beside them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.evaluation import report
from tf_smallgan.evaluation.evaluator import Measure, evaluate
from tf_smallgan.evaluation.reference import load_or_compute


class Noise:
    """A supply of 10 random images in batches of 4, 4 and 2."""

    num_classes = 0

    def __init__(self):
        rng = np.random.default_rng(0)
        self.drawn = rng.integers(0, 256, (10, 32, 32, 1)).astype(np.uint8)

    def images(self, labels, truncation):
        for start in (0, 4, 8):
            yield self.drawn[start : start + 4], labels[start : start + 4]


@pytest.fixture(scope="module")
def measure(data, pixel_space):
    return Measure(pixel_space, load_or_compute(data, pixel_space))


def scored(measure):
    return evaluate(Noise(), [measure], truncation=1.0, num_samples=10, seed=0)


@pytest.mark.parametrize(("room", "kept"), [(10, 10), (6.5, 4), (0, 4), (8, 8)])
def test_kept_images_are_the_first(measure, monkeypatch, room, kept):
    monkeypatch.setattr("tf_smallgan.evaluation.evaluator._KEPT_BYTES", room * 1024)
    np.testing.assert_array_equal(scored(measure).images, Noise().drawn[:kept])


def test_pairs_are_of_the_distances_beside_them(measure, data):
    pairs = report.nearest_pairs(scored(measure), [measure], data)[measure.space.name]
    assert len(pairs) == 10
    embed = measure.space.function
    for sample, real, distance in (dataclasses.astuple(pair) for pair in pairs):
        (ours, _), (theirs, _) = embed(sample[None]), embed(real[None])
        assert np.linalg.norm(ours - theirs) == pytest.approx(distance, rel=1e-4)


def test_pairs_are_found_when_records_are_renumbered(measure, data):
    order = np.random.default_rng(0).permutation(data.table.num_images)
    table = dataclasses.replace(data.table, digests=data.table.digests[order])
    inverse = np.argsort(order)

    def read(record):
        return data.read(tf.gather(order, record))

    renumbered = dataclasses.replace(data, table=table, read=read)
    evaluation, name = scored(measure), measure.space.name
    expected = report.nearest_pairs(evaluation, [measure], data)[name]
    found = report.nearest_pairs(evaluation, [measure], renumbered)[name]
    assert inverse[0] != 0
    for one, other in zip(expected, found):
        np.testing.assert_array_equal(one.nearest, other.nearest)


def test_images_that_the_data_lack_are_not_shown(measure, data):
    digests = measure.reference.digests.copy()
    digests[5] += 1
    other = dataclasses.replace(measure.reference, digests=digests)
    assert not report.nearest_pairs(
        scored(measure), [Measure(measure.space, other)], data
    )
