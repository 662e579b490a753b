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

from benchmarks.communication import count_communication
from tests.clusters import cluster_environments
from tests.commands import QUICK_COMPILING
from tests.training import equal_run
from tf_smallgan.config import defaults

ROOT = pathlib.Path(__file__).parents[2]


def _worker(folder, out, environment):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.equal_run", str(folder), str(out)],
        cwd=ROOT,
        env=os.environ | environment | QUICK_COMPILING,
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


def _logical(folder, strategy, all_reduce):
    """What two logical CPUs find when `all_reduce` takes the place of TensorFlow's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.distribute.ReplicaContext, "all_reduce", all_reduce)
        return equal_run.train(strategy, equal_run.config(folder / "two"))


@pytest.fixture(scope="module")
def logical_and_sizes(folder, two_replicas):
    """What is found, and the numbers that are reduced, by operation."""
    sizes = collections.defaultdict(list)
    return _logical(folder, two_replicas, _counting(sizes)), sizes


@pytest.fixture(scope="module")
def logical(logical_and_sizes):
    return logical_and_sizes[0]


_TRAINED = ("metrics", "generator", "discriminator", "average")


def _assert_equal(expected, found):
    """All but the records, to float32 rounding."""
    names = [name for name in expected if name.startswith(_TRAINED)]
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


def test_two_workers_hold_the_same(processes):
    first, second = processes
    for name in first:
        if name.startswith(_TRAINED):
            np.testing.assert_allclose(
                first[name], second[name], rtol=1e-5, atol=1e-6, err_msg=name
            )


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


def test_each_chunk_is_worked_on_once_and_all_get_the_results(one, logical, processes):
    contents = [[2 * i, 200 + 2 * i] for i in range(5)]
    for found, replicas in ((one, 1), (logical, 2), *((w, 2) for w in processes)):
        expected = [[i % replicas, *content] for i, content in enumerate(contents)]
        np.testing.assert_array_equal(found["places"], expected)


def test_no_record_comes_twice_in_an_epoch(processes):
    trained = [
        worker[f"records/{step}/0"].ravel()
        for worker in processes
        for step in range(equal_run.STEPS)
    ]
    every = np.concatenate(trained)
    assert len(set(every)) == len(every) == equal_run.STEPS * equal_run.BATCH


_REDUCE = tf.distribute.ReplicaContext.all_reduce


def _counting(sizes):
    """TensorFlow's all_reduce, whose gradient is another call of it."""

    def all_reduce(self, op, value, *rest):
        numbers = sum(math.prod(x.shape) for x in tf.nest.flatten(value))
        sizes[op].append(numbers)
        return _REDUCE(self, op, value, *rest)

    return all_reduce


def _unsynced(part):
    """all_reduce whose mean over replicas is off, forward or in the gradient.

    Of what the step reduces, only batch norm's moments take a mean.
    """

    def all_reduce(self, op, value, *rest):
        if op != tf.distribute.ReduceOp.MEAN:
            return _REDUCE(self, op, value, *rest)

        @tf.custom_gradient
        def moments(own):
            mean = own if part == "forward" else _REDUCE(self, op, own)
            return mean, lambda dy: dy if part == "gradient" else _REDUCE(self, op, dy)

        return moments(value)

    return all_reduce


def test_what_is_reduced_is_what_is_counted(logical_and_sizes, folder):
    sizes = logical_and_sizes[1]
    moments = sizes[tf.distribute.ReduceOp.MEAN]
    gradients = sizes[tf.distribute.ReduceOp.SUM]
    spec = defaults.model_spec(defaults.with_defaults(equal_run.config(folder)))
    expected = count_communication(spec, 1)
    # Both replicas' parts are traced; numbers are float32.
    assert len(moments) == 2 * expected.statistics_reductions
    assert 4 * sum(moments) == 2 * expected.statistics_bytes
    assert 4 * sum(gradients) == 2 * expected.gradient_bytes


@pytest.mark.slow
@pytest.mark.parametrize("part", ["forward", "gradient"])
def test_equality_needs_synchronised_batch_norm(part, one, folder, two_replicas):
    found = _logical(folder, two_replicas, _unsynced(part))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        _assert_equal(one, found)
