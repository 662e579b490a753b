"""The study of BigGAN's effects: variants, ways of sampling, what is sane."""

import pytest

from experiments.biggan_effects import __main__ as biggan_effects
from experiments.biggan_effects import flags as biggan_effects_flags
from experiments.biggan_effects import study as biggan_effects_study
from experiments.biggan_effects import timing
from experiments.biggan_effects.rows import EffectRows
from experiments.common import made_step, runs, scoring, turns
from experiments.common.made_step import make_step
from experiments.common.results import ResultsTable, read_rows
from experiments.common.scoring import PLAIN, Sampling
from tests.commands import run_here
from tests.experiments.studies import SMALL
from tf_smallgan import config as config_lib
from tf_smallgan import trainer
from tf_smallgan.errors import InputError
from tf_smallgan.training.recovery import Collapsed

FLAGS = (*SMALL, "--train_steps=2", "--num_samples=40")


@pytest.fixture
def scored(monkeypatch):
    """In place of `scoring.score_run`; the list of what it was asked for."""
    asked = []

    def score_run(run, samplings, num_samples):
        asked.append((run.name, samplings))
        return {
            sampling: {"frechet_distance": 9.0, "conditional_accuracy": 0.75}
            for sampling in samplings
        }

    monkeypatch.setattr(scoring, "score_run", score_run)
    return asked


def test_a_study_end_to_end(tmp_path, training, scored):
    flags = (*FLAGS, f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    run_here(biggan_effects, *flags, "--variants=base,neither")
    rows = read_rows(tmp_path / "biggan_effects.csv")
    ways = [(row["weights"], row["bn"], row["truncation"]) for row in rows]
    assert set(ways[:6]) == {
        *(("average", bn, t) for bn in ("standing", "moving") for t in ("1.0", "0.5")),
        *(("trained", bn, "1.0") for bn in ("standing", "moving")),
    }
    assert ways[6:] == [("average", "standing", "1.0")]
    # Rates of 8 and 16 were logged.
    assert {row["images_per_second"] for row in rows} == {"12.0"}
    section = (tmp_path / "biggan_effects.md").read_text()
    assert "| own embeddings, no skip-z | 1 |  |  | 9.00 | 75.0 |" in section
    assert "=None" not in section
    assert "smaller distance in 0 of 1 runs" in section
    assert "| none | moving | 75.0 | 75.0 | 1 of 1 |" in section
    assert str(tmp_path) not in section + (tmp_path / "biggan_effects.csv").read_text()
    assert (tmp_path / "biggan_effects.png").read_bytes().startswith(b"\x89PNG")
    run_here(biggan_effects, *flags, "--variants=base,neither")
    assert read_rows(tmp_path / "biggan_effects.csv") == rows
    assert len(training.began) == len(scored) == 2


def test_the_time_of_a_step_is_measured_on_its_own(
    tmp_path, training, scored, monkeypatch
):
    flags = (*FLAGS, f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    flags = (*flags, "--variants=base,neither")
    timed = []
    monkeypatch.setattr(
        timing, "some_steps", lambda config: lambda: timed.append(config)
    )
    monkeypatch.setattr(turns, "median", lambda seconds, name: 0.5)
    monkeypatch.setattr(turns, "median_ratio", lambda seconds, name, base: 0.75)
    run_here(biggan_effects, *flags)
    run_here(biggan_effects, *flags, "--timing")
    # Each once before the rounds; the networks are those of the variants.
    assert len(timed) == 2 * (1 + timing.ROUNDS)
    assert [config.model.skip_latents for config in timed[:2]] == [True, False]
    assert len(training.began) == 2
    section = (tmp_path / "biggan_effects.md").read_text()
    milliseconds = 500 / timing.STEPS
    assert f"no skip-z | 1 | {milliseconds} | 0.75 | 9.00 | 75.0 |" in section
    # Times of other networks are not shown.
    run_here(biggan_effects, *flags, "--channel_multiplier=1")
    section = (tmp_path / "biggan_effects.md").read_text()
    assert "no skip-z | 1 |  |  | 9.00 | 75.0 |" in section


def test_what_is_timed_are_steps_of_training():
    config = config_lib.parse(
        [*FLAGS, "--prior_oversample=1"], biggan_effects_flags.COMMAND
    )
    made = []

    def kept(config):
        made.append(make_step(config))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_step, "make_step", kept)
        call = timing.some_steps(config)
        call()
    ((step, _),) = made
    assert step.experimental_get_tracing_count() == 1


def test_scores_are_of_the_weights_that_are_named(tmp_path, training):
    training.networks = True
    flags = [*FLAGS, f"--runs_dir={tmp_path}"]
    config = config_lib.parse(flags, biggan_effects_flags.COMMAND)
    run = biggan_effects_study.of_variant(config, "base")
    runs.train(run)
    ways = [Sampling(weights, "moving") for weights in ("average", "trained")]
    found = scoring.score_run(run, ways, 40)
    assert set(found) == set(ways)
    average, trained = (found[way]["frechet_distance"] for way in ways)
    assert 0 < average != trained > 0
    assert all(0 <= found[way]["conditional_accuracy"] <= 1 for way in ways)


def test_a_collapse_leaves_the_other_runs(tmp_path, training, scored, monkeypatch):
    def collapse(config):
        if not config.model.skip_latents:
            config = config_lib.replace(config, train_steps=1)
        training(config)
        if not config.model.skip_latents:
            raise Collapsed("Training collapsed: of a test.")

    monkeypatch.setattr(trainer, "train", collapse)
    flags = (*FLAGS, f"--workdir={tmp_path}", f"--runs_dir={tmp_path / 'runs'}")
    run_here(biggan_effects, *flags, "--variants=no_skips,no_sharing")
    rows = read_rows(tmp_path / "biggan_effects.csv")
    assert [row["variant"] for row in rows] == ["no_sharing"]
    assert len(scored) == 1
    section = (tmp_path / "biggan_effects.md").read_text()
    assert "Not scored: `no_skips` with seed 0. They were" in section
    assert "nan" not in section


def test_variants_reach_the_runs(tmp_path, training):
    flags = [*FLAGS, f"--runs_dir={tmp_path}", "--seed=4"]
    config = config_lib.parse(flags, biggan_effects_flags.COMMAND)
    table = ResultsTable(tmp_path / "none.csv", biggan_effects_study.KEY)
    jobs = biggan_effects_study.all_jobs(config, table)
    written = {}
    for job in jobs:
        runs.train(job.run)
        written[job.run.name] = set(job.run.workdir.flags.read_text().splitlines())
    assert list(written) == list(biggan_effects_study.VARIANTS)
    for name, (shared, skips, orthogonal) in {
        "base": (True, True, 0.0),
        "no_sharing": (False, True, 0.0),
        "no_skips": (True, False, 0.0),
        "neither": (False, False, 0.0),
        "orthogonal": (True, True, 1e-4),
    }.items():
        assert {
            f"--shared_embedding={shared}",
            f"--skip_latents={skips}",
            f"--orthogonal_regularization={orthogonal}",
            "--seed=4",
            "--cache_seed=0",
        } <= written[name]
    assert len({job.run.workdir.path for job in jobs}) == 5
    assert [job.samplings for job in jobs if job.run.name == "neither"] == [(PLAIN,)]


def test_scores_that_are_there_are_not_asked_for_again(tmp_path):
    flags = [*FLAGS, "--variants=orthogonal"]
    config = config_lib.parse(flags, biggan_effects_flags.COMMAND)
    table = ResultsTable(tmp_path / "table.csv", biggan_effects_study.KEY)
    (job,) = biggan_effects_study.all_jobs(config, table)
    assert len(job.samplings) == 4
    table.add([job.key | Sampling("average", "moving", 0.5).key])
    (job,) = biggan_effects_study.all_jobs(config, table)
    assert len(job.samplings) == 3
    other = config_lib.replace(config, num_samples=41)
    assert len(biggan_effects_study.all_jobs(other, table)[0].samplings) == 4


def test_sane_by_hand():
    def row(seed, truncation, accuracy):
        key = Sampling("average", "moving", truncation).key
        values = {"seed": seed, "conditional_accuracy": accuracy}
        return {k: str(v) for k, v in ({"variant": "base"} | key | values).items()}

    found = EffectRows(
        [
            *(row(0, 1.0, 0.90), row(0, 0.5, 0.875)),
            *(row(1, 1.0, 0.90), row(1, 0.5, 0.70)),
            *(row(2, 1.0, 0.50), row(2, 0.5, 0.80)),
            row(3, 1.0, 0.90),  # Not scored at 0.5 yet.
        ]
    )
    assert found.sane("base", "moving", margin=0.03) == [True, False, True]
    assert found.sane("base", "moving", margin=0.0) == [False, False, True]
    assert found.sane("base", "standing", margin=0.03) == []


def test_no_such_variant():
    flags = [*FLAGS, "--variants=base,deep"]
    with pytest.raises(InputError, match="--variants has 'deep', which is none: use"):
        biggan_effects_study.chosen_variants(
            config_lib.parse(flags, biggan_effects_flags.COMMAND)
        )
