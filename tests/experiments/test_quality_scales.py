"""Image quality over the latents' width: what is scored, how, and only once."""

import pytest

from experiments.common import scoring
from experiments.common.results import read_rows
from experiments.image_quality import __main__ as image_quality
from tests.commands import run_here
from tests.experiments.studies import SMALL
from tf_smallgan.errors import InputError

FLAGS = (*SMALL, "--train_steps=4", "--eval_every_steps=2", "--eval_samples=40")


@pytest.fixture
def scored(monkeypatch):
    """In place of `scoring.score_run`; the list of what it was asked for."""
    asked = []

    def score_run(run, samplings, num_samples):
        scales = [sampling.truncation for sampling in samplings]
        asked.append((run.name, run.config.sampling.truncation_rule, scales))
        assert num_samples == 40
        # Of plain the least is at 1.2, of the other one further out.
        best = {"plain": 1.2, "prior": 1.5}[run.name]
        return {
            sampling: {
                "frechet_distance": 1 + abs(sampling.truncation - best),
                "conditional_accuracy": 0.75 + 0.1 * run.seed,
            }
            for sampling in samplings
        }

    monkeypatch.setattr(scoring, "score_run", score_run)
    return asked


@pytest.fixture
def study(tmp_path, training):
    """Runs the command with more flags; two arms are trained."""
    places = (f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    flags = (*FLAGS, *places, "--arms=plain,prior")
    run_here(image_quality, *flags)
    for run in (tmp_path / "runs").glob("p*-seed-*"):
        (run / "best.json").write_text('{"step": 2}')
    return lambda *more: run_here(image_quality, *flags, *more)


def test_last_checkpoints_are_scored_once_a_scale(study, scored, tmp_path):
    study("--latent_scales=1,1.2")
    assert scored == [("plain", "scale", [1.0, 1.2]), ("prior", "scale", [1.0, 1.2])]
    study("--latent_scales=1,1.2,1.5")
    assert scored[2:] == [("plain", "scale", [1.5]), ("prior", "scale", [1.5])]
    rows = read_rows(tmp_path / "image_quality_scales.csv")
    assert [(row["arm"], row["step"], row["scale"]) for row in rows] == [
        *((arm, "4", scale) for arm in ("plain", "prior") for scale in ("1.0", "1.2")),
        *((arm, "4", "1.5") for arm in ("plain", "prior")),
    ]
    section = (tmp_path / "image_quality.md").read_text()
    assert "| arm | 1 | 1.2 | 1.5 |" in section
    assert "| `plain` | 1.200 | 1.000 | 1.300 |" in section
    assert "| `prior` | 1.500 | 1.300 | 1.000 |" in section
    assert "| `prior` | 0.750 | 0.750 | 0.750 |" in section
    picture = tmp_path / "image_quality_scales.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_other_steps_than_the_last_are_left_out(study, scored, tmp_path, capsys):
    study("--latent_scales=1", "--train_steps=3")
    said = capsys.readouterr().out
    assert (
        "prior, seed 0 has gone on to step 4 and is left out: give --train_st" in said
    )
    assert not scored
    (run,) = (tmp_path / "runs").glob("prior-seed-0*")
    (run / "collapsed.txt").write_text("it did\n")
    study("--latent_scales=1,1.0", "--train_steps=5", "--arms=prior")
    assert "prior, seed 0 ended at step 4 and is left out" in capsys.readouterr().out
    assert not scored


def test_a_scale_twice_is_one(study, scored):
    study("--latent_scales=1,1.0,1.2")
    assert scored[0] == ("plain", "scale", [1.0, 1.2])


def test_an_arm_of_fewer_seeds_is_marked(study, scored, tmp_path):
    study("--seeds=2", "--arms=plain")
    for run in (tmp_path / "runs").glob("plain-seed-1*"):
        (run / "best.json").write_text('{"step": 2}')
    study("--latent_scales=1", "--seeds=2")
    section = (tmp_path / "image_quality.md").read_text()
    assert "| `plain` | 0.800 ± 0.635 |" in section
    assert "| `prior` | 1.500 (1) |" in section


@pytest.mark.parametrize("scales", ["0", "1,2.5"])
def test_scales_that_latents_cannot_have_are_refused(study, scored, scales):
    with pytest.raises(InputError, match=r"--latent_scales=.* is outside \(0, 2\]"):
        study(f"--latent_scales={scales}")
    assert not scored


def test_nothing_to_score_is_a_sentence(tmp_path, training):
    places = (f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    with pytest.raises(InputError, match="no run of these settings is done yet.*train"):
        run_here(image_quality, *FLAGS, *places, "--latent_scales=1")
