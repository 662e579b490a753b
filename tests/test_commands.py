"""Every command end to end on configs/smoke.cfg.

Each is run once as a process, as a user does; what is further tried of it runs here,
since a process spends most of its time on starting TensorFlow.
"""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from export import __main__ as export_command
from tests.checkpoint_values import assert_same_variables
from tests.commands import SMOKE, run, run_here
from tf_smallgan import evaluate, sample, train
from tf_smallgan.errors import InputError
from tf_smallgan.models import classifier
from tf_smallgan.training.logs import read_metrics

# Sampling before the end too, which must not change what is trained.
TRAIN = (SMOKE, "--deterministic", "--sample_every_steps=2")


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """A finished smoke run: its folder and what it printed. Step 2 was the best."""
    folder = tmp_path_factory.mktemp("smoke")
    printed = run("tf_smallgan.train", *TRAIN, f"--workdir={folder}").stdout
    (folder / "best.json").write_text('{"step": 2}')
    return folder, printed


def test_train_says_what_it_does_and_leaves_everything(smoke):
    folder, printed = smoke
    assert "strategy one_device, 1 replica" in printed
    assert "digits train: 1,797 images, 10 classes" in printed
    assert "step 4/4" in printed
    assert (folder / "samples" / "step-0000004.png").exists()
    assert list(folder.glob("tensorboard/events*"))
    assert (folder / "checkpoints" / "step-4.index").exists()
    rows = read_metrics(folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert {"discriminator_loss", "generator_loss", "images_per_second"} <= set(rows[0])
    assert 0 < rows[-1]["images_seen_share"] < 1


def _as_after_a_kill(whole, step, folder):
    """A copy of a run as it was when it had just saved `step`, and no later."""
    shutil.copytree(whole, folder)
    for path in (folder / "checkpoints").glob("step-*"):
        if not path.name.startswith(f"step-{step}."):
            path.unlink()


def test_resumed_equals_uninterrupted_bit_for_bit(smoke, tmp_path):
    whole, parts = smoke[0], tmp_path / "parts"
    _as_after_a_kill(whole, 2, parts)
    result = run("tf_smallgan.train", *TRAIN, f"--workdir={parts}")
    assert "Resumed from step 2" in result.stdout
    steps = [row["step"] for row in read_metrics(parts / "metrics.jsonl")]
    assert steps == [1, 2, 3, 4]
    assert_same_variables(whole, parts, 4)


def test_a_finished_run_says_so(smoke, capsys):
    folder, _ = smoke
    run_here(train, SMOKE, f"--workdir={folder}")
    assert "Finished: step 4 of 4 is reached" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--channel_multiplier=4", "--channel_multiplier was 2 and is now 4"),
        # The cache is of the old one, and would be called wrong.
        ("--embedding_dim=3", "--embedding_dim was .* and is now 3"),
    ],
)
def test_other_flags_are_refused_before_anything_is_lost(smoke, flag, message):
    folder, _ = smoke
    with pytest.raises(InputError, match=message):
        run_here(train, SMOKE, f"--workdir={folder}", flag)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--batch_size=512"], "2,048 images .* is larger than the data set"),
        (["--attention_resolutions=50"], "attention_resolutions=50"),
        (["--latent_dim=21"], "--latent_dim=21 does not divide"),
        (["--embedder=inception"], "--inception_weights is not set"),
        (
            ["--keep_every_steps=7"],
            "--keep_every_steps=7.*--checkpoint_every_steps=2",
        ),
        (["--inception_weights=none.npz", "--eval_every_steps=2"], "no such file"),
        (
            ["--noconditional", "--num_classes=1", "--eval_every_steps=2"],
            "no two classes to train a classifier",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_before_long_work(tmp_path, flags, message):
    with pytest.raises(InputError, match=message):
        run_here(train, SMOKE, f"--workdir={tmp_path}", *flags)
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= {"records.npz"}


def test_sample_draws_sheets_and_arrays(smoke, tmp_path):
    folder, _ = smoke
    workdir = f"--workdir={folder}"
    sheet, arrays = tmp_path / "lines.png", tmp_path / "s.npz"
    run_here(sample, workdir, "--layout=interpolation", "--count=30", f"--out={sheet}")
    assert tf.io.decode_png(sheet.read_bytes()).shape == (3 * 66 + 2, 10 * 66 + 2, 1)
    flags = ("--step=best", "--label=3", "--count=5", f"--out={arrays}")
    assert "step 2:" in run("tf_smallgan.sample", workdir, *flags).stdout
    with np.load(arrays) as loaded:
        assert loaded["images"].shape == (5, 32, 32, 1)
        assert loaded["images"].dtype == np.uint8
        np.testing.assert_array_equal(loaded["labels"], [3] * 5)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--label=10", "--label=10 is not a class; classes are 0 to 9"),
        ("--truncation=0", "--truncation=0.0 is outside"),
        (
            "--truncation=1.5",
            "1.5 is outside .0, 1.*truncation_rule=scale goes up to 2",
        ),
        ("--out=picture.gif", "picture.gif ends in neither .png"),
    ],
)
def test_sample_refuses_what_it_cannot_draw(smoke, flag, message):
    folder, _ = smoke
    with pytest.raises(InputError, match=message):
        run_here(sample, f"--workdir={folder}", flag)


def test_evaluate_prints_and_keeps_its_figures(smoke, capsys, monkeypatch):
    for name in ("_MIN_STEPS", "_MAX_STEPS"):  # A good classifier is not the point.
        monkeypatch.setattr(classifier, name, 60)
    folder, _ = smoke
    flags = (f"--workdir={folder}", "--step=best", "--num_samples=200")
    run_here(evaluate, *flags)
    printed = capsys.readouterr().out
    assert "conditional_accuracy" in printed
    assert "classifier_frechet_distance" in printed
    assert "fid" not in printed.lower()
    lines = (folder / "evaluation" / "scores.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["step"] == 2


def test_an_export_is_sampled_from(smoke, tmp_path, capsys):
    """`tests/export` has it loaded by a process with TensorFlow alone."""
    folder, _ = smoke
    exports, sheet = tmp_path / "exports", tmp_path / "from_export.png"
    flags = (f"--workdir={folder}", "--step=best", f"--export_dir={exports}")
    run_here(export_command, *flags)
    assert "Exported step 2" in capsys.readouterr().out
    layout = ("--layout=interpolation", "--count=20")
    run_here(sample, f"--export_dir={exports}", *layout, f"--out={sheet}")
    assert sheet.exists()


def test_dry_run_needs_no_data(capsys):
    flags = ("--flagfile=configs/imagenet128.cfg", "--data_dir=/nowhere", "--dry_run")
    run_here(train, *flags)
    assert "G 70,433,988" in capsys.readouterr().out


def test_a_dry_run_of_what_has_no_plan_does_nothing(tmp_path):
    result = run(
        "tf_smallgan.prepare", SMOKE, f"--workdir={tmp_path}", "--dry_run", check=False
    )
    assert result.returncode == 2
    assert "--dry_run applies to train and export; prepare has no plan" in result.stderr
    assert not list(tmp_path.iterdir())


def test_unknown_flags_fail_in_one_line():
    result = run("tf_smallgan.train", "--batch_sise=3", check=False)
    assert result.returncode == 2
    assert "Unknown command line flag 'batch_sise'" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
