"""FID of a study's checkpoints: which are scored, with what, and only once."""

import json
import types

import pytest

from experiments.common.results import read_rows
from experiments.image_quality import __main__ as image_quality
from tests.commands import run_here
from tests.experiments.studies import SMALL
from tf_smallgan.evaluation import run as commands
from tf_smallgan.evaluation.evaluator import Scores
from tf_smallgan.evaluation.features import FeatureSpace

FLAGS = (*SMALL, "--train_steps=4", "--eval_every_steps=2", "--eval_samples=40")
FIDS = {"1": 40.0, "2": 20.0, "3": 15.0, "4": 25.0}


@pytest.fixture
def scored(monkeypatch):
    """In place of `commands.evaluate`; the list of configs that it was asked for."""
    asked = []

    def evaluate(config):
        asked.append(config)
        space = FeatureSpace("inception", 8, "0123456789abcdef00", "none", None)
        scores = Scores(space)
        (scale,) = config.evaluate.truncations
        wide = config.sampling.truncation_rule == "scale"
        fid = FIDS[config.evaluate.step] - 4 * scale * wide
        scores.add("frechet_distance", 50, fid)
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
    assert found == [
        ("plain", "4", "last", "25.0"),
        ("plain_4b", "4", "last", "25.0"),
        ("plain", "2", "best", "20.0"),
        ("plain_4b", "2", "best", "20.0"),
    ]
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
    assert "| arm | 2 | 4 |" in section
    assert "| `plain_4b` | 20.0 | 25.0 |" in section
    assert "| `plain_4b` | 1 | 2 | 20.0 | 2 | 1 of 1 | 4.00 | 1.00 |" in section
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


def test_kept_checkpoints_are_scored_late_ones_first(
    tmp_path, training, scored, capsys
):
    places = (f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    flags = (*FLAGS, *places, "--arms=plain,k_center_4x", "--seeds=2")
    run_here(
        image_quality, *flags, "--keep_every_steps=3", "--checkpoint_every_steps=1"
    )
    _best_at(tmp_path / "runs", 1)
    for run in (tmp_path / "runs").glob("k_center*"):
        (run / "best.json").write_text(json.dumps({"step": 3}))
    fid = ("--score_inception", "--inception_weights=i.npz", "--fid_samples=50")
    run_here(image_quality, *flags, *fid, "--fid_every_steps=1")
    rows = read_rows(tmp_path / "image_quality_fid.csv")
    found = [(row["step"], row["arm"], row["seed"], row["checkpoint"]) for row in rows]
    runs = [(a, s) for s in "01" for a in ("plain", "k_center_4x")]
    third = {"plain": "kept", "k_center_4x": "best"}
    assert found == [
        *(("4", arm, seed, "last") for arm, seed in runs),
        *(("3", arm, seed, third[arm]) for arm, seed in runs),
        *(("1", "plain", seed, "best") for seed in "01"),
    ]
    printed = capsys.readouterr()
    lost = "k_center_4x, seed 1: left out are steps 1 and 2, whose checkpoints were"
    assert lost in printed.err
    assert "plain, seed 0: left out are steps 2, whose" in printed.err
    section = (tmp_path / "image_quality.md").read_text()
    # 8 images a step at 8, 16, 24 and 32 images/s: plain's least is at its third step.
    assert "| arm | 1 | 3 | 4 |" in section
    assert "| `plain` | 40.0 ± 0.0 | 15.0 ± 0.0 | 25.0 ± 0.0 |" in section
    assert "| `k_center_4x` |  | 15.0 ± 0.0 | 25.0 ± 0.0 |" in section
    assert "| `k_center_4x` | 2 | 2, 2 | 15.0 ± 0.0 | 3, 3 | 2 of 2 |" in section
    # What is scored and gone since is nothing to complain of.
    run_here(image_quality, *flags, *fid, "--fid_every_steps=3")
    assert "left out" not in capsys.readouterr().err
    assert len(scored) == 10


def test_wider_latents_are_rows_of_their_own(tmp_path, training, scored):
    places = (f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    flags = (*FLAGS, *places, "--arms=plain")
    run_here(image_quality, *flags)
    _best_at(tmp_path / "runs", 2)
    fid = ("--score_inception", "--inception_weights=i.npz", "--fid_samples=50")
    run_here(image_quality, *flags, *fid)
    run_here(image_quality, *flags, *fid, "--latent_scales=1,1.25")
    found = [(c.sampling.truncation_rule, c.evaluate.truncations) for c in scored]
    assert found[:2] == [("hub", (1.0,))] * 2
    assert found[2:] == [("scale", (1.0,)), ("scale", (1.25,))]
    rows = read_rows(tmp_path / "image_quality_fid.csv")
    assert [
        (row["step"], row["truncation_rule"], row["truncation"]) for row in rows
    ] == [
        ("4", "hub", "1.0"),
        ("2", "hub", "1.0"),
        ("4", "scale", "1.0"),
        ("4", "scale", "1.25"),
    ]
    section = (tmp_path / "image_quality.md").read_text()
    assert "| arm | 2 | 4 |" in section
    assert "| `plain` | 20.0 | 25.0 |" in section
    assert "| arm | 1 | 1.25 |" in section
    assert "| `plain` | 21.0 | 20.0 |" in section


def test_rows_that_do_not_say_how_latents_were_drawn(tmp_path, training, scored):
    places = (f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    flags = (*FLAGS, *places, "--arms=plain")
    run_here(image_quality, *flags)
    _best_at(tmp_path / "runs", 4)
    run_here(image_quality, *flags, "--score_inception", "--inception_weights=i.npz")
    table = tmp_path / "image_quality_fid.csv"
    lines = table.read_text().replace(",truncation_rule,truncation", "")
    table.write_text(lines.replace(",hub,1.0", ""))
    section = tmp_path / "image_quality.md"
    before = section.read_text()
    section.unlink()
    run_here(image_quality, *flags)
    assert section.read_text() == before


def test_runs_that_are_not_done_are_left_out(tmp_path, training, scored):
    places = (f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    run_here(image_quality, *FLAGS, *places, "--arms=plain")
    _best_at(tmp_path / "runs", 4)
    fid = ("--score_inception", "--inception_weights=i.npz")
    run_here(image_quality, *FLAGS, *places, "--arms=plain,k_center_4x", *fid)
    assert len(scored) == 1
