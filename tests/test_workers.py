"""Two worker processes on loopback, as a user starts them: train, stop, lose one."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.clusters import cluster_environments
from tests.commands import ROOT, SMOKE, run
from tf_smallgan.distribution.cluster import LOST_WORKER_EXIT
from tf_smallgan.training.logs import read_metrics
from tf_smallgan.workdir import SCORES_FILE

pytestmark = pytest.mark.slow

# One D update and latents without a core-set: less to trace, four times over.
FLAGS = (
    SMOKE,
    "--strategy=multi_worker",
    "--discriminator_steps=1",
    "--prior_oversample=1",
    "--log_every_steps=1",
    "--standing_batches=2",
)


def _start(command, *flags):
    """Two workers of `python -m tf_smallgan.COMMAND FLAGS`."""
    return [
        subprocess.Popen(
            [sys.executable, "-m", f"tf_smallgan.{command}", *flags],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for environment in cluster_environments(2)
    ]


def _ends(workers):
    """(exit code, stdout, stderr) of each worker."""
    printed = [worker.communicate() for worker in workers]
    return [(worker.returncode, *texts) for worker, texts in zip(workers, printed)]


class Pair:
    """Two workers of `train` in one workdir."""

    def __init__(self, workdir, *flags):
        self.workdir = workdir
        self.metrics = workdir / "metrics.jsonl"
        self.workers = _start("train", *FLAGS, f"--workdir={workdir}", *flags)

    def wait_for_step(self, step):
        """Returns once the chief has logged `step`."""
        while not any(row["step"] >= step for row in read_metrics(self.metrics)):
            if any(worker.poll() is not None for worker in self.workers):
                raise AssertionError(_ends(self.workers))
            time.sleep(0.2)


def _steps(folder):
    return sorted(int(p.stem.split("-")[1]) for p in folder.glob("step-*.index"))


@pytest.fixture(scope="module")
def lost(tmp_path_factory):
    """A pair whose second worker is killed after its checkpoint of step 2."""
    workdir = tmp_path_factory.mktemp("pair")
    pair = Pair(workdir, "--train_steps=100000", "--checkpoint_every_steps=2")
    pair.wait_for_step(3)
    pair.workers[1].kill()
    start = time.monotonic()
    ends = _ends(pair.workers)
    return workdir, ends, time.monotonic() - start


def test_the_chief_alone_speaks_and_writes(lost):
    workdir, ends, *_ = lost
    chief, other = ends[0][1], ends[1][1]
    assert "worker 0 of 2; waiting for the others" in chief
    assert "strategy multi_worker, 2 replicas" in chief
    assert "Embeddings: 1,797 images x 8 dimensions written" in chief
    assert "step 3/100000" in chief
    assert other == "worker 1 of 2; waiting for the others\n"
    rows = [row["step"] for row in read_metrics(workdir / "metrics.jsonl")]
    assert rows == list(range(1, len(rows) + 1))


def test_each_worker_embeds_its_share(lost):
    shards = sorted((lost[0] / "cache").glob("embeddings-*.npy"))
    assert [len(np.load(shard)) for shard in shards] == [899, 898]


def test_both_workers_images_are_counted_as_seen(lost):
    first = read_metrics(lost[0] / "metrics.jsonl")[0]
    assert first["images_seen_share"] == pytest.approx(8 / 1797)


def test_a_lost_worker_ends_the_other_with_a_sentence(lost):
    _, ends, seconds = lost
    code, _, error = ends[0]
    assert code == LOST_WORKER_EXIT
    assert seconds < 60
    last = error.strip().splitlines()[-1]
    assert "worker 0 of 2 stops: it lost worker 1" in last
    assert "Run the same command on all workers again" in last
    assert "Traceback" not in error


def test_the_pair_goes_on_and_a_signal_to_one_stops_both(lost):
    workdir = lost[0]
    kept = _steps(workdir / "checkpoints")[-1]
    logged = read_metrics(workdir / "metrics.jsonl")[-1]["step"]
    pair = Pair(workdir, "--train_steps=100000", "--checkpoint_every_steps=0")
    # Beyond what the first pair logged, which is there until the second has resumed.
    pair.wait_for_step(logged + 1)
    pair.workers[1].send_signal(signal.SIGTERM)
    (code, printed, _), (other_code, _, _) = _ends(pair.workers)
    assert (code, other_code) == (0, 0)
    assert f"Resumed from step {kept}" in printed
    assert "SIGTERM: saved at step" in printed
    saved = _steps(workdir / "checkpoints")[-1]
    assert saved > kept
    rows = [row["step"] for row in read_metrics(workdir / "metrics.jsonl")]
    assert rows == list(range(1, saved + 1))
    reader = tf.train.load_checkpoint(str(workdir / "checkpoints" / f"step-{saved}"))
    assert reader.get_tensor("step/.ATTRIBUTES/VARIABLE_VALUE") == saved


def _scores(folder):
    lines = (folder / SCORES_FILE).read_text().splitlines()
    assert len(lines) == 1  # The chief's.
    return json.loads(lines[0])["spaces"]["classifier"]


def test_two_workers_score_as_one(lost, tmp_path):
    """Each draws and embeds a part; the reference, not cached yet, is shared too."""
    workdir = lost[0]
    flags = (f"--workdir={workdir}", "--num_samples=300")
    report = tmp_path / "report.html"
    pair = (f"--results_dir={tmp_path / 'two'}", f"--report={report}")
    (code, printed, error), (other_code, other, _) = _ends(
        _start("evaluate", *flags, *pair, "--strategy=multi_worker")
    )
    assert (code, other_code) == (0, 0), error
    assert "strategy multi_worker, 2 replicas" in printed
    assert other == "worker 1 of 2; waiting for the others\n"
    assert "data:image/png" in report.read_text()
    (reference,) = (workdir / "cache").glob("reference-*.npz")
    reference.unlink()
    one = ("--strategy=one_device", f"--results_dir={tmp_path / 'one'}")
    run("tf_smallgan.evaluate", *flags, *one)
    two, one = _scores(tmp_path / "two"), _scores(tmp_path / "one")
    assert two["reference"]["count"] == one["reference"]["count"] == 1797
    assert two["metrics"].keys() == one["metrics"].keys()
    for name, value in one["metrics"].items():
        assert two["metrics"][name] == pytest.approx(value, rel=1e-4, abs=1e-6), name
