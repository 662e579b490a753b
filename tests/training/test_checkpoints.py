"""Checkpoints hold everything, and say so when they cannot be read."""

import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.training.test_step import SPEC, _training
from tf_smallgan.errors import InputError
from tf_smallgan.training.checkpoints import Checkpoints, find_checkpoint
from tf_smallgan.training.state import build_state, restore_average


def _everything(state):
    variables = [
        *state.generator.variables,
        *state.discriminator.variables,
        *state.average.variables,
        *state.generator_optimizer.variables,
        *state.discriminator_optimizer.variables,
    ]
    return [v.numpy() for v in variables] + [state.step.numpy()]


def _disturb(state):
    rng = np.random.default_rng(1)
    for part in (state.generator, state.discriminator, state.average):
        for variable in part.variables:
            variable.assign(rng.normal(size=variable.shape).astype(np.float32))
    for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
        for variable in optimizer.variables:
            if "float" in variable.dtype:
                variable.assign(rng.uniform(size=variable.shape).astype(np.float32))
            else:
                variable.assign(17)
    state.step.assign(42)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    state = build_state(SPEC, _training(), seed=0)
    _disturb(state)
    Checkpoints(folder, state, keep=2).save()
    return folder, _everything(state)


def test_every_variable_comes_back(saved):
    folder, expected = saved
    state = build_state(SPEC, _training(), seed=9)
    assert Checkpoints(folder, state, keep=2).restore() == 42
    for old, new in zip(expected, _everything(state)):
        np.testing.assert_array_equal(old, new)


def test_the_average_alone_comes_back(saved):
    folder, _ = saved
    average, step = restore_average(SPEC, find_checkpoint(folder))
    state = build_state(SPEC, _training(), seed=9)
    Checkpoints(folder, state, keep=2).restore()
    assert step == 42
    for a, b in zip(average.variables, state.average.variables):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_step_that_is_not_kept_names_those_that_are(saved):
    with pytest.raises(InputError, match="--step=7 is not a kept.*there are 42"):
        find_checkpoint(saved[0], "7")


def test_a_folder_without_checkpoints_says_so(tmp_path):
    with pytest.raises(InputError, match="holds no checkpoint"):
        find_checkpoint(tmp_path)


@pytest.mark.parametrize("part", [".index", ".data-00000-of-00001"])
def test_a_truncated_checkpoint_says_which_and_what_to_do(saved, tmp_path, part):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    path = tmp_path / f"step-42{part}"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    message = "step-42 cannot be restored.*Remove the files of that step"
    with pytest.raises(InputError, match=message):
        restore_average(SPEC, find_checkpoint(tmp_path))
    state = build_state(SPEC, _training(), seed=9)
    with pytest.raises(InputError, match=message):
        Checkpoints(tmp_path, state, keep=2).restore()


def test_a_checkpoint_of_other_networks_says_so(saved):
    wider = dataclasses.replace(SPEC, channel_multiplier=4)
    with pytest.raises(InputError, match="of other networks"):
        restore_average(wider, find_checkpoint(saved[0]))


def test_a_full_disk_is_said_and_leaves_the_last_checkpoint(
    saved, tmp_path, monkeypatch
):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    state = build_state(SPEC, _training(), seed=9)
    checkpoints = Checkpoints(tmp_path, state, keep=2)
    checkpoints.restore()

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(checkpoints._manager, "save", full)
    with pytest.raises(InputError, match="could not be written.*No space left.*room"):
        checkpoints.save()
    assert find_checkpoint(tmp_path).endswith("step-42")
