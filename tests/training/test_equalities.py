"""One replica = two logical CPUs = two processes, and what breaks that."""

import collections
import math
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.clusters import cluster_environments
from tests.training import equal_run
from tf_smallgan import settings
from tf_smallgan.communication import count_communication

ROOT = pathlib.Path(__file__).parents[2]


def _worker(folder, out, environment):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.equal_run", str(folder), str(out)],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("equal")


@pytest.fixture(scope="module")
def processes(folder):
    """What each of two worker processes found."""
    paths = [folder / f"{i}.npz" for i in range(2)]
    workers = [
        _worker(folder / "shared", path, environment)
        for path, environment in zip(paths, cluster_environments(2))
    ]
    for worker in workers:
        printed, _ = worker.communicate()
        assert worker.returncode == 0, printed
    return [dict(np.load(path)) for path in paths]


@pytest.fixture(scope="module")
def one(folder):
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    return equal_run.train(strategy, equal_run.config(folder / "one"))


@pytest.fixture(scope="module")
def logical(folder, two_replicas):
    return equal_run.train(two_replicas, equal_run.config(folder / "two"))


def _assert_equal(expected, found):
    """All but the records, to float32 rounding."""
    names = [name for name in expected if not name.startswith("records")]
    assert len(names) > 100
    for name in names:
        np.testing.assert_allclose(
            found[name], expected[name], rtol=2e-3, atol=2e-4, err_msg=name
        )


def test_one_replica_equals_two_logical_cpus(one, logical):
    _assert_equal(one, logical)


def test_one_replica_equals_two_processes(one, processes):
    for worker in processes:
        _assert_equal(one, worker)


def test_two_workers_hold_the_same_bits(processes):
    first, second = processes
    for name in first:
        if not name.startswith("records"):
            np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_replicas_share_the_core_set_and_no_record(one, logical, processes):
    for step in range(equal_run.STEPS):
        whole = one[f"records/{step}/0"]
        by_replica = [
            [logical[f"records/{step}/{i}"] for i in range(2)],
            [worker[f"records/{step}/0"] for worker in processes],
        ]
        for first, second in by_replica:
            assert not set(first.ravel()) & set(second.ravel())
            np.testing.assert_array_equal(
                np.stack([first, second], -1).ravel(), whole.ravel()
            )


def test_no_record_comes_twice_in_an_epoch(processes):
    trained = [
        worker[f"records/{step}/0"].ravel()
        for worker in processes
        for step in range(equal_run.STEPS)
    ]
    every = np.concatenate(trained)
    draws = equal_run.STEPS * equal_run.DISCRIMINATOR_STEPS
    assert len(set(every)) == len(every) == draws * equal_run.BATCH


def _unsynced(part, sizes):
    """all_reduce with batch norm's mean over replicas off, forward or in gradients.

    Of what the step reduces, only batch norm's moments take a mean. `sizes` gets the
    numbers of what is reduced, by operation, on both replicas.
    """
    mean_of = tf.distribute.ReduceOp.MEAN
    reduce = tf.distribute.ReplicaContext.all_reduce

    def count(op, value):
        sizes[op] += [sum(math.prod(x.shape) for x in tf.nest.flatten(value))]
        return value

    def all_reduce(self, op, value, *rest):
        count(op, value)
        if op != mean_of:
            return reduce(self, op, value, *rest)

        @tf.custom_gradient
        def moments(own):
            mean = own if part == "forward" else reduce(self, op, own)

            def gradient(dy):
                count(op, dy)
                return dy if part == "gradient" else reduce(self, op, dy)

            return mean, gradient

        return moments(value)

    return all_reduce


def _assert_counted(sizes, expected):
    """What two replicas reduced, in float32, is what is said to be."""
    moments = sizes[tf.distribute.ReduceOp.MEAN]
    gradients = sizes[tf.distribute.ReduceOp.SUM]
    assert len(moments) == 2 * expected.statistics_reductions
    assert 4 * sum(moments) == 2 * expected.statistics_bytes
    assert 4 * sum(gradients) == 2 * expected.gradient_bytes


_SHORT = ("--discriminator_steps=1", "--prior_oversample=1", "--data_oversample=1")


@pytest.fixture(scope="module")
def one_step(folder):
    settled = equal_run.config(folder / "one", *_SHORT)
    return equal_run.train(tf.distribute.OneDeviceStrategy("CPU:0"), settled, steps=1)


@pytest.mark.parametrize("part", ["neither", "forward", "gradient"])
def test_equality_needs_synchronised_batch_norm(
    part, one_step, folder, two_replicas, monkeypatch
):
    sizes = collections.defaultdict(list)
    patched = _unsynced(part, sizes)
    monkeypatch.setattr(tf.distribute.ReplicaContext, "all_reduce", patched)
    settled = settings.complete(equal_run.config(folder / "two", *_SHORT))
    found = equal_run.train(two_replicas, settled, steps=1)
    if part == "neither":
        _assert_equal(one_step, found)
        _assert_counted(sizes, count_communication(settings.model_spec(settled), 1))
        return
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        _assert_equal(one_step, found)
