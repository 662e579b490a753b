"""The grids of Gaussians: the compiled loop, and the command."""

import numpy as np
import pytest
import tensorflow as tf

from experiments.common.arms import ARMS
from experiments.common.results import ResultsTable, flag_values, read_rows
from experiments.gaussian_grid import __main__ as gaussian_grid
from experiments.gaussian_grid import flags as gaussian_grid_flags
from experiments.gaussian_grid import report, samples
from experiments.gaussian_grid import run as grid_run
from experiments.gaussian_grid import study as gaussian_grid_study
from experiments.gaussian_grid.mixtures import GaussianGrid
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError

TINY = ("--batch_size=8", "--seeds=1", "--modes=9")


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setattr(grid_run, "HIDDEN", (8, 8))


def _config(arm: str) -> config_lib.Config:
    return ARMS[arm].configure(config_lib.parse(TINY, gaussian_grid_flags.COMMAND))


def test_three_steps_are_three_times_one():
    config, grid = _config("data_weights"), GaussianGrid(9)
    state = grid_run.build(config, grid)
    # Where no logit reaches its hinge, reals and fakes pull D's last bias to either
    # side with the same force.
    last = state.discriminator.stack.layers[-1].kernel
    last.assign(10 * last)
    steps = grid_run.compile_steps(state, config, grid)
    networks = (state.generator, state.discriminator, state.average)
    optimizers = (state.generator_optimizer, state.discriminator_optimizer)
    held = [state.step, *(v.value for n in networks for v in n.variables)]
    held += [v.value for o in optimizers for v in o.variables]
    start = [v.numpy() for v in held]
    steps(tf.constant(3, tf.int64))
    at_once = [v.numpy() for v in held]
    for variable, value in zip(held, start):
        variable.assign(value)
    for _ in range(3):
        steps(tf.constant(1, tf.int64))
    assert int(state.step.numpy()) == 3
    for variable, before, value in zip(held, start, at_once):
        np.testing.assert_array_equal(variable.numpy(), value)
        if "learning_rate" not in variable.name:
            assert (before != value).any(), variable.name


def test_arms_shape_the_batch():
    grid = GaussianGrid(9)
    for arm, size in (("plain", 8), ("plain_4b", 32), ("both", 8)):
        batch = grid_run.real_batches(_config(arm), grid, 0)
        assert batch["image"].shape == (1, size, 2)
    weights = grid_run.real_batches(_config("data_weights"), grid, 0)["weight"]
    assert len(set(weights.numpy()[0])) > 1
    np.testing.assert_allclose(tf.reduce_mean(weights), 1, rtol=1e-6)
    # k-center out of 64 points of 9 modes covers modes that 8 points by chance leave.
    covered = {
        arm: np.mean(
            [
                grid.score(
                    grid_run.real_batches(_config(arm), grid, step)["image"].numpy()[0]
                ).modes_recovered
                for step in range(20)
            ]
        )
        for arm in ("plain", "both")
    }
    assert covered["both"] > covered["plain"] + 1


def test_the_short_form_takes_the_arms_that_are_asked_for():
    def arms(*flags):
        parsed = config_lib.parse(["--quick", *flags], gaussian_grid_flags.COMMAND)
        return gaussian_grid_study.quick(parsed).gaussian_grid.arms

    assert arms("--arms=robust,data") == ("robust", "data")
    assert arms() == gaussian_grid_study.QUICK_ARMS


@pytest.fixture
def _eagerly():
    """Four steps are done long before XLA has compiled them."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_even_batches_are_trained_on(_eagerly):
    config, grid = _config("plain"), GaussianGrid(9)
    config = config_lib.replace(config, train_steps=1)
    plain, even = (
        next(grid_run.train(config, grid, 1, even))[1]["trained"]
        for even in (False, True)
    )
    assert not np.array_equal(plain, even)


def test_the_command_and_its_resumption(tmp_path, capsys, _eagerly):
    flags = [*TINY, "--train_steps=4", "--arms=plain,even", f"--workdir={tmp_path}"]
    gaussian_grid.run(config_lib.parse(flags, gaussian_grid_flags.COMMAND))
    assert "2 runs to do" in capsys.readouterr().out
    rows = read_rows(tmp_path / "gaussian_grid.csv")
    assert [(r["arm"], r["steps"]) for r in rows] == [
        (arm, str(step)) for arm in ("plain", "even") for step in (1, 2, 3, 4)
    ]
    assert all(0 <= float(r["high_quality_share/average"]) <= 1 for r in rows)
    assert (tmp_path / "gaussian_grid.png").read_bytes().startswith(b"\x89PNG")
    section = (tmp_path / "gaussian_grid.md").read_text()
    assert "`even`" in section and "gaussian_grid_samples_9.png" in section
    picture = tmp_path / "gaussian_grid_samples_9.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    gaussian_grid.run(config_lib.parse(flags, gaussian_grid_flags.COMMAND))
    assert "0 runs to do" in capsys.readouterr().out
    assert read_rows(tmp_path / "gaussian_grid.csv") == rows


def test_a_runs_value_is_the_mean_of_its_last_quarter(tmp_path):
    shares = {14: 0.9, 15: 0.8, 16: 0.1, 18: 0.2, 20: 0.3}
    config = config_lib.parse([*TINY, "--train_steps=20"], gaussian_grid_flags.COMMAND)
    settings = flag_values(config, gaussian_grid_study.SETTINGS)
    rows = [
        {"modes": 9, "arm": "plain", "seed": seed, "steps": step}
        | {"high_quality_share/average": share + seed / 10}
        | {"high_quality_share/trained": 0.5}
        | {"modes_recovered/average": 9, "modes_recovered/trained": 3}
        | {"imbalance/average": seed, "imbalance/trained": 0.25}
        | settings
        for seed in (0, 1)
        for step, share in shares.items()
    ]
    # Rows of other settings, and runs that ended before, are of no concern.
    ended = rows[-1]
    rows.append(ended | {"r1_penalty": 7.0, "seed": 2})
    rows.append(ended | {"steps": 16, "seed": 3})
    ResultsTable(tmp_path / "gaussian_grid.csv", ("arm",)).add(rows)
    report.write(tmp_path, config)
    # 20% and 30%: their deviation over the root of two, by Student's 12.706.
    section = (tmp_path / "gaussian_grid.md").read_text()
    assert (
        "| `plain` | 2 | 25.0 ± 63.5 |  | 100.0 ± 0.0 |  | 0.50 ± 6.35 |  | 14 |"
        in section
    )
    assert (
        "| `plain` | 2 | 50.0 ± 0.0 |  | 33.3 ± 0.0 |  | 0.25 ± 0.00 |  | 14 |"
        in section
    )


def _row(modes, arm, seed, steps, share, recovered):
    """A scoring, the same of both weights."""
    measured = {"high_quality_share": share, "modes_recovered": recovered}
    measured["imbalance"] = 0.0
    return {"modes": modes, "arm": arm, "seed": seed, "steps": steps} | {
        f"{name}/{of}": value
        for name, value in measured.items()
        for of in ("average", "trained")
    }


def test_gains_are_over_plain_of_the_same_seed(tmp_path):
    config = config_lib.parse([*TINY, "--train_steps=1"], gaussian_grid_flags.COMMAND)
    settings = flag_values(config, gaussian_grid_study.SETTINGS)
    shares = {"plain": {0: 0.1, 1: 0.5, 3: 0.9}, "both": {1: 0.6, 0: 0.3, 2: 0.0}}
    rows = [
        _row(9, arm, seed, 1, share, 9 - seed) | settings
        for arm, seeds in shares.items()
        for seed, share in seeds.items()
    ]
    ResultsTable(tmp_path / "gaussian_grid.csv", ("arm",)).add(rows)
    report.write(tmp_path, config)
    # 20 and 10 of quality, 0 of modes; seeds 2 and 3 have no partner.
    section = (tmp_path / "gaussian_grid.md").read_text()
    assert (
        "| 15.0 ± 63.5 (2 of 2) | 88.9 ± 27.6 | 0.0 ± 0.0 (0 of 2) | 0.00 ± 0.00 |"
        in section
    )


def test_gains_of_several_grids_together(tmp_path):
    config = config_lib.parse([*TINY, "--train_steps=1"], gaussian_grid_flags.COMMAND)
    settings = flag_values(config, gaussian_grid_study.SETTINGS)
    # By grid and arm, the quality of seeds 0 and 1; `prior` is of one grid alone.
    shares = {
        (9, "plain"): (0.1, 0.2),
        (9, "both"): (0.2, 0.4),
        (16, "plain"): (0.5, 0.5),
        (16, "both"): (0.2, 0.5),
        (16, "prior"): (0.2, 0.5),
    }
    rows = [
        _row(modes, arm, seed, 1, share, modes) | settings
        for (modes, arm), each in shares.items()
        for seed, share in enumerate(each)
    ]
    ResultsTable(tmp_path / "gaussian_grid.csv", ("arm",)).add(rows)
    report.write(tmp_path, config)
    section = (tmp_path / "gaussian_grid.md").read_text()
    together = section[section.index("## Grids together") :]
    # 10, 20, -30 and 0: a deviation of 21.6 over the root of four, by 3.182.
    expected = "| `both` | 9, 16 | 0.0 ± 34.4 (2 of 4) | 0.0 ± 0.0 (0 of 4) |  |"
    assert together.count(expected) == 2 and "prior" not in together


def test_steps_to_plains_quality(tmp_path):
    config = config_lib.parse([*TINY, "--train_steps=20"], gaussian_grid_flags.COMMAND)
    settings = flag_values(config, gaussian_grid_study.SETTINGS)
    # Plain ends at 30% on average (16 to 20) and is there at step 18; both at 12.
    curves = {"plain": (0.0, 0.1, 0.2, 0.3, 0.4), "both": (0.2, 0.3, 0.4, 0.4, 0.2)}
    rows = [
        _row(9, arm, seed, step, share + sign, 9) | settings
        for arm, curve in curves.items()
        for seed, sign in ((0, 0.05), (1, -0.05))
        for step, share in zip((8, 12, 16, 18, 20), curve)
    ]
    ResultsTable(tmp_path / "gaussian_grid.csv", ("arm",)).add(rows)
    times = [
        {"modes": 9, "arm": arm, "over_plain": x} | settings
        for arm, x in (("plain", 1.0), ("both", 1.2))
    ]
    ResultsTable(tmp_path / "gaussian_grid_time.csv", ("arm",)).add(times)
    report.write(tmp_path, config)
    section = (tmp_path / "gaussian_grid.md").read_text()
    # 12 steps for 18, each 1.2 times as long.
    assert "| 1.20 | 12 (0.80) |" in section and "| 1.00 | 18 (1.00) |" in section


def test_samples_of_the_lowest_seed_are_kept_for_each_setting(tmp_path):
    settings = {"steps": 20, "r1_penalty": 0.01}
    run = {"modes": 9, "arm": "plain", **settings}
    for seed in (1, 2, 0, 1):
        samples.keep(tmp_path, run | {"seed": seed}, np.full([10, 2], seed))
    (path,) = (tmp_path / samples.FOLDER).iterdir()
    assert not np.load(path)["points"].any()
    assert samples.draw(tmp_path, 9, ["plain", "both"], settings)
    other = settings | {"r1_penalty": 0.1}
    assert samples.draw(tmp_path, 9, ["plain"], other) is None
    samples.keep(tmp_path, run | other | {"seed": 3}, np.ones([10, 2]))
    assert not np.load(path)["points"].any()
    assert samples.draw(tmp_path, 9, ["plain"], other)


def test_runs_of_other_settings_are_other_runs():
    configs = [
        config_lib.parse([f], gaussian_grid_flags.COMMAND)
        for f in ("--seed=0", "--r1_penalty=0")
    ]
    keys = [
        gaussian_grid_study.all_jobs(c, {"plain": ARMS["plain"]})[0].key
        for c in configs
    ]
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--arms=plain,both4", "'both4', which is no arm"),
        ("--modes=50", "--modes=50 is not a square"),
    ],
)
def test_unknown_arms_and_grids_are_refused(flag, message):
    with pytest.raises(InputError, match=message):
        gaussian_grid.run(config_lib.parse([flag], gaussian_grid_flags.COMMAND))
