"""The study of image quality: what it trains, keeps and goes on with."""

import pathlib

import numpy as np
import pytest
from matplotlib import image

from experiments.common import runs
from experiments.common.results import read_rows
from experiments.image_quality import __main__ as image_quality
from experiments.image_quality import flags as image_quality_flags
from experiments.image_quality import study as image_quality_study
from tests.commands import run_here
from tests.experiments.studies import SMALL
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.during_training import TrainingEvaluation
from tf_smallgan.models import classifier
from tf_smallgan.sampling.grids import write_png
from tf_smallgan.training.checkpoint_files import remove
from tf_smallgan.training.logs import read_metrics
from tf_smallgan.training.recovery import Collapsed

FLAGS = (*SMALL, "--train_steps=4", "--eval_every_steps=2", "--eval_samples=40")


@pytest.fixture
def study(tmp_path):
    """Runs the command on arms; returns the rows of its table."""

    def study(*flags, arms="plain"):
        places = (f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
        run_here(image_quality, *FLAGS, *places, f"--arms={arms}", *flags)
        return read_rows(tmp_path / "image_quality.csv")

    return study


def _runs(tmp_path, *flags):
    """The study's runs, as the command makes them."""
    places = (f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    config = config_lib.parse([*FLAGS, *places, *flags], image_quality_flags.COMMAND)
    return image_quality_study.all_runs(config)


@pytest.mark.slow
def test_a_study_end_to_end_by_the_projects_own_training(
    study, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(classifier, "_fit", lambda *_: 0.5)
    # Its own figures are tested where it is; under these names it gives them.
    scores = {"classifier_frechet_distance_40": 3.25, "conditional_accuracy": 0.5}
    monkeypatch.setattr(TrainingEvaluation, "scores", lambda self, step: scores)
    (row,) = study("--train_steps=2", "--architecture=sngan")
    assert (row["arm"], row["seed"], row["step"]) == ("plain", "0", "2")
    assert (row["frechet_distance"], row["conditional_accuracy"]) == ("3.25", "0.5")
    assert float(row["wall_seconds"]) > 0 and float(row["images_per_second"]) > 0
    assert "Finished at step 2" in capsys.readouterr().out
    section = (tmp_path / "image_quality.md").read_text()
    assert "| `plain` | B | 1 |" in section
    assert (tmp_path / "image_quality.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path) not in section + (tmp_path / "image_quality.csv").read_text()


@pytest.mark.slow
def test_a_study_goes_on_by_the_projects_own_training(study, tmp_path, capsys):
    study("--train_steps=2", arms="balanced_4x")
    rows = study("--train_steps=3", "--eval_every_steps=1", arms="balanced_4x")
    assert "Resumed from step 2" in capsys.readouterr().out
    assert [row["step"] for row in rows] == ["2", "3"]
    assert float(rows[0]["wall_seconds"]) < float(rows[1]["wall_seconds"])
    (metrics,) = (tmp_path / "runs").glob("balanced_4x*/metrics.jsonl")
    trained = [r["step"] for r in read_metrics(metrics) if "images_per_second" in r]
    assert trained == [1, 2, 3]


def test_what_is_in_the_table_is_not_run_again(study, training, tmp_path):
    rows = study(arms="plain,plain_4b")
    assert [(r["arm"], r["step"], r["batch_size"]) for r in rows] == [
        ("plain", "2", "8"),
        ("plain", "4", "8"),
        ("plain_4b", "2", "32"),
        ("plain_4b", "4", "32"),
    ]
    # 8 images a step at 8, 16, 24 and 32 images/s.
    seconds = [float(row["wall_seconds"]) for row in rows[:2]]
    assert seconds == pytest.approx([1 + 1 / 2, 1 + 1 / 2 + 1 / 3 + 1 / 4], abs=0.01)
    assert len(training.began) == 2
    assert study(arms="plain,plain_4b") == rows
    assert len(training.began) == 2
    # More steps, another seed and another width: each alone is new.
    assert len(study("--train_steps=6")) == 5
    assert training.began[2][1] == 4
    study("--seed=3")
    study("--channel_multiplier=3")
    assert [step for _, step in training.began[3:]] == [0, 0]
    names = [path.name for path in (tmp_path / "runs").glob("plain-*")]
    assert len(names) == 3


def test_a_stopped_study_goes_on_where_it_was(study, training, tmp_path):
    training.stops_after = 3
    with pytest.raises(InputError, match="Stopped in .* after step 3; the same"):
        study()
    training.stops_after = 10
    assert [row["step"] for row in study()] == ["2", "4"]
    assert [step for _, step in training.began] == [0, 3]


def test_a_last_step_that_was_not_scored_is_left_to_training(tmp_path, training):
    (run,) = _runs(tmp_path, "--arms=plain")
    runs.train(run)
    assert runs.is_over(run)
    log = run.workdir.metrics
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    assert not runs.is_over(run)
    runs.train(run)
    assert runs.is_over(run)
    assert [step for _, step in training.began] == [0, 4]
    remove(run.workdir.checkpoints, 4)
    assert not runs.is_over(run)


def test_a_collapse_ends_one_run_and_not_the_study(study, monkeypatch, training):
    from tf_smallgan import trainer

    def collapse(config):
        training(config_lib.replace(config, train_steps=2))
        if config.training.batch_size == 8:
            raise Collapsed("Training collapsed: of a test.")
        training(config)

    monkeypatch.setattr(trainer, "train", collapse)
    rows = study(arms="plain,plain_4b")
    steps = [(row["arm"], row["step"]) for row in rows]
    assert steps == [("plain", "2"), ("plain_4b", "2"), ("plain_4b", "4")]
    calls = len(training.began)
    assert study(arms="plain,plain_4b") == rows
    assert len(training.began) == calls


def test_runs_have_the_flags_of_their_arms(tmp_path, training):
    for run in _runs(tmp_path, "--inception_weights=none.npz", "--seed=5"):
        runs.train(run)
        text = run.workdir.flags.read_text().splitlines()
        arm = image_quality_study.arms_of(
            config_lib.parse(["--arms="], image_quality_flags.COMMAND)
        )[run.name]
        assert f"--batch_size={8 * arm.batches}" in text
        assert f"--prior_oversample={arm.prior}" in text
        assert f"--data_oversample={arm.data}" in text
        assert f"--coreset_method={arm.method}" in text
        # A score on the way is not to be of Inception.
        assert {"--seed=5", "--cache_seed=0", "--inception_weights="} <= set(text)


def test_last_sheets_are_shown_side_by_side(study, training, tmp_path):
    study(arms="plain,plain_4b,balanced_4x")
    picture = tmp_path / "image_quality_samples.png"
    assert not picture.exists()
    assert "## Samples" not in (tmp_path / "image_quality.md").read_text()
    for run in (tmp_path / "runs").glob("plain*"):
        for step, grey in ((2, 255), (4, 0)):
            sheet = np.full([60, 60, 1], grey, np.uint8)
            write_png(run / "samples" / f"step-{step:07}.png", sheet)
    study(arms="plain,plain_4b,balanced_4x")
    drawn = image.imread(picture)
    # Of the two arms that have sheets, their last ones, which are black.
    black = drawn[len(drawn) // 2, :, 0] == 0
    assert np.diff(black.astype(int)).tolist().count(1) == 2
    assert black.mean() > 0.8
    section = (tmp_path / "image_quality.md").read_text()
    assert "![Samples of each arm](image_quality_samples.png)" in section


def test_bad_flags_are_refused(study, tmp_path):
    with pytest.raises(
        InputError, match="--arms has 'all', which is no arm: use plain"
    ):
        study(arms="all")
    with pytest.raises(InputError, match="--eval_every_steps and --log_every_steps"):
        study("--eval_every_steps=0")
    with pytest.raises(
        InputError, match="--keep_every_steps=1000.*--checkpoint_every_steps=300"
    ):
        study("--checkpoint_every_steps=300")
    with pytest.raises(InputError, match="--score_inception needs --inception_weights"):
        study("--score_inception")
    with pytest.raises(InputError, match="no run of these settings is done yet"):
        study("--score_inception", "--inception_weights=some.npz")
    assert not pathlib.Path(tmp_path, "image_quality.csv").exists()
