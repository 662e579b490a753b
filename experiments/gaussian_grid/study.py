"""What `experiments.gaussian_grid` runs: its arms, jobs and settings."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from experiments.common.jobs import ArmJob, arm_jobs
from experiments.gaussian_grid.flags import GaussianGridConfig
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError

NAME = "gaussian_grid"


# What a row is of; a run of other settings is another row.
SETTINGS = (
    "batch_size",
    "latent_dim",
    "latent_distribution",
    "discriminator_steps",
    "generator_lr",
    "discriminator_lr",
    "adam_beta1",
    "adam_beta2",
    "ema_decay",
    "ema_start_step",
    "r1_penalty",
)


# Of a run.
SCORINGS = 20


QUICK_STEPS, QUICK_SEEDS, QUICK_ARMS = 300, 2, ("plain", "both", "balanced")


def quick(config: GaussianGridConfig) -> GaussianGridConfig:
    """The short form where it is asked for."""
    if not config.gaussian_grid.quick:
        return config
    return config_lib.replace(
        config,
        train_steps=QUICK_STEPS,
        modes=(25,),
        arms=config.gaussian_grid.arms or QUICK_ARMS,
        seeds=QUICK_SEEDS,
    )


def arms_of(config: GaussianGridConfig) -> dict[str, Any]:
    """The arms that are asked for; else all that these latents allow.

    Raises:
      InputError: an arm is unknown, or is "even" where latents are not of a square.
    """
    from experiments.common.arms import ARMS, GRID_ARMS, named
    from experiments.gaussian_grid.even import draws_a_square

    square = draws_a_square(config)
    chosen = named(
        config.gaussian_grid.arms or tuple(GRID_ARMS if square else ARMS), GRID_ARMS
    )
    if not square and any(arm.even for arm in chosen.values()):
        raise InputError(
            "--arms has even, which draws latents from a square: give "
            "--latent_dim=2 and --latent_distribution=uniform, or leave it out."
        )
    return chosen


def all_jobs(config: GaussianGridConfig, chosen: Iterable[str]) -> list[ArmJob]:
    """Every run (see `arm_jobs`)."""
    options = config.gaussian_grid
    return arm_jobs(config, "modes", options.modes, chosen, options.seeds, SETTINGS)


def one(job: ArmJob) -> list[dict[str, Any]]:
    """A run's rows: what was covered after each twentieth of its steps."""
    import time

    from experiments.common.arms import GRID_ARMS
    from experiments.common.results import results_dir
    from experiments.gaussian_grid import run as grid_run
    from experiments.gaussian_grid import samples
    from experiments.gaussian_grid.mixtures import GaussianGrid

    arm, grid = GRID_ARMS[job.arm], GaussianGrid(job.value)
    config = arm.configure(job.config)
    every = max(1, config.training.train_steps // SCORINGS)
    rows, start = [], time.perf_counter()
    for step, drawn in grid_run.train(config, grid, every, arm.even):
        seconds = round(time.perf_counter() - start, 1)
        row = job.key | {"steps": step, "seconds": seconds}
        for of, points in drawn.items():
            row |= {
                f"{name}/{of}": round(value, 4)
                for name, value in dataclasses.asdict(grid.score(points)).items()
            }
        rows.append(row)
    folder = results_dir(job.config, job.config.gaussian_grid.quick)
    run = job.key | {"steps": config.training.train_steps}
    samples.keep(folder, run, drawn["average"])
    return rows
