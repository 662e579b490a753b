"""Checkpoints hold everything, and say so when they cannot be read."""

import dataclasses
import resource
import shutil

import numpy as np
import pytest

from tests.training.test_step import SPEC, _training
from tf_smallgan.errors import InputError
from tf_smallgan.training import checkpoint_files
from tf_smallgan.training.checkpoint_files import find_checkpoint
from tf_smallgan.training.checkpoints import Checkpoints
from tf_smallgan.training.state import build_state, restore_average, restore_generator


def _everything(state):
    variables = [
        *state.generator.variables,
        *state.discriminator.variables,
        *state.average.variables,
        *state.generator_optimizer.variables,
        *state.discriminator_optimizer.variables,
    ]
    return [v.numpy() for v in variables] + [state.step.numpy()]


def _disturb(state, seed=1):
    rng = np.random.default_rng(seed)
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


@pytest.fixture(scope="module")
def state():
    """Restored into again and again."""
    return build_state(SPEC, _training(), seed=9)


def test_every_variable_comes_back(saved, state):
    folder, expected = saved
    _disturb(state, 2)
    assert Checkpoints(folder, state, keep=2).restore() == 42
    for old, new in zip(expected, _everything(state)):
        np.testing.assert_array_equal(old, new)


def test_the_trained_generator_alone_comes_back(saved, state):
    folder, _ = saved
    generator, step = restore_generator(SPEC, find_checkpoint(folder), "trained")
    Checkpoints(folder, state, keep=2).restore()
    assert step == 42
    pairs = list(zip(generator.variables, state.generator.variables))
    assert len(pairs) == len(state.generator.variables)
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)
    averaged, _ = restore_generator(SPEC, find_checkpoint(folder), "average")
    one, other = generator.trainable_variables[0], averaged.trainable_variables[0]
    assert np.abs(one.numpy() - other.numpy()).max() > 0


def test_the_average_alone_comes_back(saved, state):
    folder, _ = saved
    average, step = restore_average(SPEC, find_checkpoint(folder))
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


def _cut(folder, step, part=".data-00000-of-00001"):
    path = folder / f"step-{step}{part}"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _later(folder, state, step):
    """A second checkpoint, of a later step."""
    checkpoints = Checkpoints(folder, state, keep=3)
    checkpoints.restore()
    state.step.assign(step)
    checkpoints.save()


@pytest.mark.parametrize("part", [".index", ".data-00000-of-00001"])
def test_a_truncated_checkpoint_is_named_and_the_one_before_is_used(
    saved, tmp_path, part, capsys, state
):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    _later(tmp_path, state, 50)
    _cut(tmp_path, 50, part)
    assert find_checkpoint(tmp_path).endswith("step-42")
    with pytest.raises(InputError, match="step-50 is damaged and cannot be restored"):
        find_checkpoint(tmp_path, "50")
    _disturb(state, 2)
    assert Checkpoints(tmp_path, state, keep=2).restore() == 42
    assert f"{tmp_path}/step-50 is damaged" in capsys.readouterr().err
    for old, new in zip(saved[1], _everything(state)):
        np.testing.assert_array_equal(old, new)
    assert checkpoint_files.steps_in(tmp_path) == [42]
    assert len(list((tmp_path / "damaged").glob("step-50.*"))) == 2


def test_a_flipped_byte_is_damage(saved, tmp_path):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    path = tmp_path / "step-42.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert checkpoint_files.damage(str(tmp_path / "step-42"))
    assert not checkpoint_files.damage(str(saved[0] / "step-42"))


def test_all_damaged_is_an_error_that_leaves_them_where_they_are(
    saved, tmp_path, state
):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "step-42.data-00000-of-00001").unlink()
    with pytest.raises(InputError, match="steps 42.*damaged.*cannot be restored"):
        Checkpoints(tmp_path, state, keep=2).restore()
    assert checkpoint_files.steps_in(tmp_path) == [42]


def test_a_checkpoint_of_other_networks_is_refused_and_not_called_damaged(
    saved, tmp_path
):
    wider = dataclasses.replace(SPEC, channel_multiplier=4)
    with pytest.raises(InputError, match="of other networks"):
        restore_average(wider, find_checkpoint(saved[0]))
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    with pytest.raises(InputError, match="of other networks"):
        Checkpoints(tmp_path, build_state(wider, _training(), 0), keep=2).restore()
    assert checkpoint_files.steps_in(tmp_path) == [42]


def test_what_a_kill_left_is_cleared(saved, tmp_path):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / ".unfinished-50-1").mkdir()
    (tmp_path / ".unfinished-50-1" / "step-50.data-00000-of-00001").write_bytes(b"x")
    (tmp_path / "step-50.data-00000-of-00001").write_bytes(b"x")
    checkpoint_files.clear_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-42.data-00000-of-00001",
        "step-42.index",
    ]


def test_the_newest_are_kept_and_a_step_can_be_saved_again(saved, tmp_path, state):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    checkpoints = Checkpoints(tmp_path, state, keep=2)
    for step in (43, 44, 45, 45):
        state.step.assign(step)
        checkpoints.save()
    assert checkpoint_files.steps_in(tmp_path) == [42, 43, 44, 45]
    checkpoints.rotate()
    assert checkpoint_files.steps_in(tmp_path) == [44, 45]
    assert checkpoints.restore() == 45


def test_multiples_are_kept_beside_the_newest(saved, tmp_path, state):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    checkpoints = Checkpoints(tmp_path, state, keep=2, keep_every=4)
    for step in (43, 44, 46, 48, 50, 51):
        state.step.assign(step)
        checkpoints.save()
        checkpoints.rotate()
    assert checkpoint_files.steps_in(tmp_path) == [44, 48, 50, 51]


def test_sick_checkpoints_are_given_up_but_not_the_start(saved, tmp_path, state):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    checkpoints = Checkpoints(tmp_path, state, keep=2)
    state.step.assign(0)
    checkpoints.save()
    checkpoints.give_up(43)
    assert checkpoints.newest() == 42
    checkpoints.give_up(0)
    assert checkpoints.newest() == 0
    assert checkpoint_files.steps_in(tmp_path / "collapsed") == [42]


def test_a_full_disk_is_said_and_leaves_the_last_checkpoint(saved, tmp_path, state):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    checkpoints = Checkpoints(tmp_path, state, keep=1)
    checkpoints.restore()
    state.step.assign(50)
    before = sorted(path.name for path in tmp_path.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow beyond 4 KiB: the write fails half way, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(InputError, match="step 50 could not be written.*make room"):
            checkpoints.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert not checkpoint_files.damage(find_checkpoint(tmp_path))
