"""One's place among the workers, and folders that all share or do not."""

import json
import urllib.error

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.config.flags import RunFlags
from tf_smallgan.distribution.cluster import Cluster, place_in_cluster
from tf_smallgan.distribution.strategy import make_strategy, planned_replicas
from tf_smallgan.errors import InputError
from tf_smallgan.workdir import Workdir


def _set(monkeypatch, cluster, kind, index):
    task = {"type": kind, "index": index}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))


@pytest.mark.parametrize(
    ("run", "asked"),
    [
        (RunFlags(), "of-the-environment"),
        (RunFlags(strategy="tpu"), "of-the-environment"),
        (RunFlags(tpu="of-the-flag"), "of-the-flag"),
        (RunFlags(tpu="local"), "local"),
    ],
)
@pytest.mark.parametrize("error", [ValueError, urllib.error.URLError, RuntimeError])
def test_a_tpu_has_the_name_that_was_given(run, asked, error, monkeypatch):
    def resolver(tpu):
        raise error(f"nothing at {tpu}")

    monkeypatch.setenv("TPU_NAME", "of-the-environment")
    monkeypatch.setattr(tf.distribute.cluster_resolver, "TPUClusterResolver", resolver)
    message = f"no TPU named '{asked}' .*nothing at {asked}"
    with pytest.raises(InputError, match=message):
        make_strategy(run)


class _Among(Cluster):
    """Workers of which the others have given values."""

    def gather(self, values):
        return np.stack([np.asarray(values), np.array([7])])


@pytest.mark.parametrize(
    ("cluster", "task", "place"),
    [
        ({"worker": ["a:1", "b:1"]}, ("worker", 1), (1, 2)),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, ("chief", 0), (0, 3)),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, ("worker", 1), (2, 3)),
    ],
)
def test_a_chief_comes_before_the_workers(monkeypatch, cluster, task, place):
    _set(monkeypatch, cluster, *task)
    assert place_in_cluster() == place
    assert planned_replicas(RunFlags(strategy="multi_worker")) == place[1]


def test_without_a_cluster_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert place_in_cluster() == (0, 1)
    alone = Cluster()
    assert alone.is_chief and alone.maximum(3) == 3
    np.testing.assert_array_equal(alone.gather(np.arange(3)), [[0, 1, 2]])


def test_a_task_outside_of_the_cluster_is_refused(monkeypatch):
    _set(monkeypatch, {"worker": ["a:1", "b:1"]}, "worker", 2)
    with pytest.raises(InputError, match='"index": 2.* is none of the cluster'):
        place_in_cluster()


def test_a_tf_config_that_is_no_json_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{cluster:")
    with pytest.raises(InputError, match="TF_CONFIG is no JSON.*{cluster:"):
        place_in_cluster()


def test_workers_that_see_other_files_are_told():
    _Among(1, 2).check_same(7, "--workdir=w")
    with pytest.raises(InputError, match="same in --workdir=w: worker 1 has 6.*share"):
        _Among(1, 2).check_same(6, "--workdir=w")


def test_only_the_chief_gets_the_workdir(tmp_path):
    workdir = Workdir(str(tmp_path))
    workdir.checkpoints.mkdir()
    kept = workdir.checkpoints / "step-2.index"
    kept.write_bytes(b"index")
    workdir.rollbacks.write_text("{}")
    with Cluster(0, 2).own_workdir(workdir) as own:
        assert own is workdir
    with Cluster(1, 2).own_workdir(workdir) as own:
        link = own.checkpoints / kept.name
        assert link.read_bytes() == b"index"
        assert own.rollbacks.read_text() == "{}" and not own.best_file.exists()
        own.rollbacks.unlink()
        link.unlink()
        (own.checkpoints / "step-3.index").write_bytes(b"dropped")
    assert not own.path.exists()
    assert [path.name for path in workdir.checkpoints.iterdir()] == [kept.name]
    assert workdir.rollbacks.exists()
