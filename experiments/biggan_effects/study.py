"""What `experiments.biggan_effects` runs: its arms, jobs and settings."""

import dataclasses
import pathlib
from typing import Any

from experiments.biggan_effects.flags import BigganEffectsConfig
from experiments.common.runs import StudyRun
from experiments.common.scoring import PLAIN, Sampling
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError
from tf_smallgan.workdir import check_local

NAME = "biggan_effects"


KEY = (
    *("variant", "seed", "settings", "steps", "num_samples"),
    *("weights", "bn", "truncation"),
)


SHOWN = (
    *("dataset", "channel_multiplier", "latent_dim", "batch_size"),
    *("shared_embedding", "skip_latents", "orthogonal_regularization"),
    *("ema_decay", "standing_batches", "truncation_rule"),
)


# What each changes of the preset.
VARIANTS: dict[str, dict[str, Any]] = {
    "base": {"shared_embedding": True, "skip_latents": True},
    "no_sharing": {"shared_embedding": False, "skip_latents": True},
    "no_skips": {"shared_embedding": True, "skip_latents": False},
    "neither": {"shared_embedding": False, "skip_latents": False},
    "orthogonal": {
        "shared_embedding": True,
        "skip_latents": True,
        "orthogonal_regularization": 1e-4,
    },
}


HALF = 0.5


_TRUNCATED = tuple(
    Sampling("average", bn, truncation)
    for bn in ("standing", "moving")
    for truncation in (1.0, HALF)
)


# How the runs of a variant are sampled, beside plain sampling.
SAMPLINGS = {
    "base": (*_TRUNCATED, Sampling("trained"), Sampling("trained", "moving")),
    "orthogonal": _TRUNCATED,
}


QUICK = {
    "channel_multiplier": 2,
    "latent_dim": 16,
    "batch_size": 16,
    "discriminator_steps": 1,
    "train_steps": 40,
    "checkpoint_every_steps": 0,
    "log_every_steps": 10,
    "sample_every_steps": 0,
    "num_samples": 200,
    "standing_batches": 2,
    "ema_decay": 0.9,
    "seeds": 1,
    "variants": ("base", "orthogonal"),
}


@dataclasses.dataclass(frozen=True)
class Job:
    """A run and how it has still to be sampled."""

    run: StudyRun
    samplings: tuple[Sampling, ...]
    num_samples: int

    def __str__(self) -> str:
        return str(self.run)

    @property
    def key(self) -> dict[str, Any]:
        """The columns that tell this run from others."""
        return {
            "variant": self.run.name,
            "seed": self.run.seed,
            "settings": self.run.settings,
            "steps": self.run.config.training.train_steps,
            "num_samples": self.num_samples,
        }


def quick(config: BigganEffectsConfig) -> BigganEffectsConfig:
    """The short form where it is asked for."""
    if not config.biggan_effects.quick:
        return config
    return config_lib.replace(config, **QUICK)


def chosen_variants(config: BigganEffectsConfig) -> tuple[str, ...]:
    """The names in --variants, all of them when it is empty.

    Raises:
      InputError: there is no such variant.
    """
    names = config.biggan_effects.variants or tuple(VARIANTS)
    for name in names:
        if name not in VARIANTS:
            raise InputError(
                f"--variants has {name!r}, which is none: use {', '.join(VARIANTS)}."
            )
    return names


def of_variant(config: BigganEffectsConfig, name: str) -> StudyRun:
    """The run of a variant with the seed of `config`."""
    from experiments.common.runs import study_run

    options = config.biggan_effects
    check_local("runs_dir", options.runs_dir)
    folder = pathlib.Path(options.runs_dir)
    return study_run(
        config_lib.replace(config, **VARIANTS[name]),
        name,
        folder / "quick" if options.quick else folder,
    )


def all_jobs(config: BigganEffectsConfig, table: Any) -> list[Job]:
    """Every run, seed by seed, with what the table has not of it."""
    options = config.biggan_effects
    first = config.run.seed
    jobs = []
    for seed in range(first, first + options.seeds):
        for name in chosen_variants(config):
            run = of_variant(config_lib.replace(config, seed=seed), name)
            job = Job(run, SAMPLINGS.get(name, (PLAIN,)), options.num_samples)
            missing = [s for s in job.samplings if not table.has(**job.key, **s.key)]
            jobs.append(dataclasses.replace(job, samplings=tuple(missing)))
    return jobs


def one(job: Job) -> list[dict[str, Any]]:
    """Trains a run where that is missing; a row for each way it is sampled."""
    from experiments.common import curves, runs, scoring
    from tf_smallgan.training.logs import read_metrics

    runs.train(job.run)
    if runs.trained_steps(job.run) < job.run.config.training.train_steps:
        return []  # It collapsed: the section names it as not scored.
    rate = curves.median_rate(read_metrics(job.run.workdir.metrics))
    facts = {
        "images_per_second": round(rate, 2),
        "hardware": runs.hardware(),
    } | {name: runs.flag(job.run.config, name) for name in SHOWN}
    found = scoring.score_run(job.run, job.samplings, job.num_samples)
    return [
        job.key
        | sampling.key
        | {name: round(value, 4) for name, value in scores.items()}
        | facts
        for sampling, scores in found.items()
    ]
