"""What `experiments.image_quality` runs: its arms, jobs and settings."""

import dataclasses
import pathlib
from typing import Any

from experiments.common.runs import StudyRun
from experiments.image_quality.flags import ImageQualityConfig
from tf_smallgan import config as config_lib
from tf_smallgan.workdir import check_local

NAME = "image_quality"


KEY = ("arm", "seed", "settings", "step")


# For readers; the digest in `settings` holds these and all others.
SHOWN = (
    "dataset",
    "resolution",
    "channel_multiplier",
    "latent_dim",
    "batch_size",
    "prior_oversample",
    "data_oversample",
    "coreset_method",
    "prior_coreset_method",
    "discriminator_steps",
    "generator_lr",
    "discriminator_lr",
    "ema_decay",
    "eval_samples",
)


QUICK_ARMS = ("plain", "balanced_4x")


QUICK = {
    "dataset": "digits",
    "data_dir": "",
    "channel_multiplier": 2,
    "latent_dim": 16,
    "batch_size": 16,
    "discriminator_steps": 1,
    "train_steps": 80,
    "checkpoint_every_steps": 0,
    "keep_every_steps": 0,
    "log_every_steps": 10,
    "sample_every_steps": 0,
    "eval_every_steps": 40,
    "eval_samples": 300,
    "seeds": 1,
    "standing_batches": 2,
    "ema_decay": 0.98,
    "ema_start_step": 20,
}


@dataclasses.dataclass(frozen=True)
class Job:
    """A run of which rows are missing; those of `known` steps are there."""

    run: StudyRun
    known: frozenset[int]

    def __str__(self) -> str:
        return str(self.run)


def quick(config: ImageQualityConfig) -> ImageQualityConfig:
    """The short form where it is asked for."""
    options = config.image_quality
    if not options.quick:
        return config
    return config_lib.replace(
        config, arms=options.arms or QUICK_ARMS, fid_samples=200, **QUICK
    )


def arms_of(config: ImageQualityConfig) -> dict:
    """The arms that are asked for."""
    from experiments.common import arms

    names = config.image_quality.arms or tuple(arms.SIZED_ARMS)
    return arms.named(names, arms.SIZED_ARMS | arms.ARMS)


def all_runs(config: ImageQualityConfig) -> list[StudyRun]:
    """Every run, seed by seed, so that a half-done study has all arms."""
    options = config.image_quality
    first = config.run.seed
    return [
        of_arm(config_lib.replace(config, seed=seed), name, arm)
        for seed in range(first, first + options.seeds)
        for name, arm in arms_of(config).items()
    ]


def of_arm(config: ImageQualityConfig, name: str, arm: Any) -> StudyRun:
    """The run of an arm with the seed of `config`."""
    from experiments.common.runs import study_run

    options = config.image_quality
    check_local("runs_dir", options.runs_dir)
    folder = pathlib.Path(options.runs_dir)
    return study_run(
        arm.configure(config), name, folder / "quick" if options.quick else folder
    )


def jobs_of(runs: list[StudyRun], table: Any) -> list[Job]:
    """Each run with the steps that the table has of it."""
    return [
        Job(
            run,
            frozenset(
                int(row["step"])
                for row in table.select(
                    arm=run.name, seed=run.seed, settings=run.settings
                )
            ),
        )
        for run in runs
    ]


def is_done(job: Job) -> bool:
    """Whether the table has the run to its last step."""
    return max(job.known, default=0) >= job.run.config.training.train_steps


def one(job: Job) -> list[dict[str, Any]]:
    """Trains what is missing of a run; its rows that are not known yet."""
    from experiments.common import runs

    runs.train(job.run)
    return [row for row in rows_of(job.run) if row["step"] not in job.known]


def rows_of(run: StudyRun) -> list[dict[str, Any]]:
    """A row for each score that training logged."""
    from experiments.common import curves
    from experiments.common.runs import flag, hardware
    from tf_smallgan.training.logs import read_metrics

    shown = {name: flag(run.config, name) for name in SHOWN}
    metrics = read_metrics(run.workdir.metrics)
    return [
        {
            "arm": run.name,
            "seed": run.seed,
            "settings": run.settings,
            "step": point.step,
            "frechet_distance": round(point.distance, 4),
            "conditional_accuracy": round(point.conditional_accuracy, 4),
            "wall_seconds": round(point.seconds, 2),
            "images_per_second": round(point.images_per_second, 2),
            "hardware": hardware(),
        }
        | shown
        for point in curves.points(metrics, run.config.training.batch_size)
    ]
