"""FID of a study's checkpoints: which are scored, with what, and only once."""

import json
import types

import pytest

from tests.commands import run_here
from tests.experiments.studies import SMALL
from tf_smallgan.evaluation import commands
from tf_smallgan.evaluation.features import FeatureSpace
from tf_smallgan.evaluation.scoring import Scores
from tf_smallgan.experiments import image_quality
from tf_smallgan.experiments.results import read_rows

FLAGS = (*SMALL, "--train_steps=4", "--eval_every_steps=2", "--eval_samples=40")
FIDS = {"best": 20.0, "last": 25.0}


@pytest.fixture
def scored(monkeypatch):
    """In place of `commands.evaluate`; the list of configs that it was asked for."""
    asked = []

    def evaluate(config):
        asked.append(config)
        space = FeatureSpace("inception", 8, "0123456789abcdef00", "none", None)
        scores = Scores(space)
        scores.add("frechet_distance", 50, FIDS[config.evaluate.step])
        return [types.SimpleNamespace(scores={"inception": scores})]

    monkeypatch.setattr(commands, "evaluate", evaluate)
    return asked


def _best_at(folder, step):
    for run in folder.glob("plain*"):
        (run / "best.json").write_text(json.dumps({"step": step}))


def test_best_and_last_are_scored_once(tmp_path, training, scored):
    places = (f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    flags = (*FLAGS, *places, "--arms=plain,plain_4b")
    run_here(image_quality, *flags)
    _best_at(tmp_path / "runs", 2)
    fid = ("--score_inception", "--inception_weights=i.npz", "--fid_samples=50")
    run_here(image_quality, *flags, *fid)
    rows = read_rows(tmp_path / "image_quality_fid.csv")
    found = [
        (r["arm"], r["step"], r["checkpoint"], r["frechet_distance"]) for r in rows
    ]
    assert found[:2] == [
        ("plain", "2", "best", "20.0"),
        ("plain", "4", "last", "25.0"),
    ]
    assert [row[0] for row in found[2:]] == ["plain_4b", "plain_4b"]
    assert len(scored) == 4
    first = scored[0]
    assert first.evaluate.feature_space == "inception"
    assert first.evaluate.num_samples == 50
    assert first.coreset.inception_weights == "i.npz"
    assert first.run.workdir == str(next((tmp_path / "runs").glob("plain-seed*")))
    assert first.model.channel_multiplier == 2
    section = (tmp_path / "image_quality.md").read_text()
    assert first.evaluate.reference_images == 10_000
    assert "FID of 50 samples against at most 10,000 training images" in section
    assert "| `plain_4b` | 1 | 20.00 | 25.00 | 1 of 1 | 4.00 |" in section
    run_here(image_quality, *flags, *fid)
    assert len(scored) == 4
    # Another reference is another score.
    run_here(image_quality, *flags, *fid, "--fid_reference_images=0")
    section = (tmp_path / "image_quality.md").read_text()
    assert "against at most 10,000 training images" in section
    assert "against all training images" in section
    assert len(scored) == 8
    # Where the best is the last, that is one score; other samples are another.
    _best_at(tmp_path / "runs", 4)
    more = ("--fid_samples=60", "--arms=plain")
    run_here(image_quality, *flags, *fid, *more)
    rows = read_rows(tmp_path / "image_quality_fid.csv")
    assert (len(rows), rows[-1]["checkpoint"]) == (9, "best and last")


def test_runs_that_are_not_done_are_left_out(tmp_path, training, scored):
    places = (f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    run_here(image_quality, *FLAGS, *places, "--arms=plain")
    _best_at(tmp_path / "runs", 4)
    fid = ("--score_inception", "--inception_weights=i.npz")
    run_here(image_quality, *FLAGS, *places, "--arms=plain,k_center_4x", *fid)
    assert len(scored) == 1
