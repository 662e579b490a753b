"""A resumed run repeats an uninterrupted one, bit for bit."""

import shutil

import numpy as np
import tensorflow as tf

from tests.commands import SMOKE, run
from tf_smallgan.training.logs import read_metrics


def _variables(folder, step):
    path = str(folder / "checkpoints" / f"step-{step}")
    reader = tf.train.load_checkpoint(path)
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if "OBJECT_GRAPH" not in name  # Python objects' metadata.
    }


def _as_after_a_kill(whole, step, folder):
    """A copy of a run as it was when it had just saved `step`, and no later."""
    shutil.copytree(whole, folder)
    for path in (folder / "checkpoints").glob("step-*"):
        if not path.name.startswith(f"step-{step}."):
            path.unlink()


def assert_same_variables(folder, other, step):
    """Bit for bit the same in the checkpoints of both workdirs."""
    expected, found = _variables(folder, step), _variables(other, step)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(value, found[name], err_msg=name)


def test_resumed_equals_uninterrupted(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    flags = (SMOKE, "--deterministic", "--sample_every_steps=2", "--train_steps=4")
    flags += ("--discriminator_steps=1",)  # Half as much to trace.
    run("tf_smallgan.train", *flags, f"--workdir={whole}")
    _as_after_a_kill(whole, 2, parts)
    result = run("tf_smallgan.train", *flags, f"--workdir={parts}")
    assert "Resumed from step 2" in result.stdout
    steps = [row["step"] for row in read_metrics(parts / "metrics.jsonl")]
    assert steps == [1, 2, 3, 4]
    assert_same_variables(whole, parts, 4)
