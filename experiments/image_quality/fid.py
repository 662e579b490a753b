"""FID of the runs' checkpoints, in a pass of its own that resumes."""

import dataclasses
import pathlib
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from experiments.common.results import ResultsTable
from experiments.common.runs import StudyRun, trained_steps
from experiments.image_quality.flags import ImageQualityConfig
from experiments.image_quality.scales import (
    RULE,
    at_last_step,
    checked_scales,
    finished,
)
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError

FILE = "image_quality_fid.csv"
KEY = (
    *("arm", "seed", "settings", "step", "num_samples", "reference_images"),
    *("truncation_rule", "truncation"),
)


@dataclasses.dataclass(frozen=True)
class FidJob:
    """A checkpoint to score.

    Attributes:
      run: whose it is.
      step: of the checkpoint.
      names: "best", "last", both, or "kept"; () where it is gone.
      config: the study's.
      scale: of latents that are not cut; None where they are as on the way.
    """

    run: StudyRun
    step: int
    names: tuple[str, ...]
    config: ImageQualityConfig
    scale: float | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Samples and real images, by the flags of `evaluate`."""
        options = self.config.image_quality
        assert options is not None
        return {
            "num_samples": options.fid_samples,
            "reference_images": options.fid_reference_images,
        }

    @property
    def latents(self) -> dict[str, Any]:
        """How they are drawn, by the columns; with one truncation of `evaluate`."""
        if self.scale is not None:
            return {"truncation_rule": RULE, "truncation": self.scale}
        rule = self.run.config.sampling.truncation_rule
        return {"truncation_rule": rule, "truncation": 1.0}

    @property
    def key(self) -> dict[str, Any]:
        """The columns that tell this score from others."""
        run = self.run
        of_run = {"arm": run.name, "seed": run.seed, "settings": run.settings}
        return of_run | {"step": self.step} | self.counts | self.latents

    def __str__(self) -> str:
        scale = "" if self.scale is None else f", uncut latents times {self.scale:g}"
        return f"FID of {self.run}, step {self.step}{scale}"


def score(
    config: ImageQualityConfig, runs: Sequence[StudyRun], folder: pathlib.Path
) -> None:
    """Scores what is trained and not scored yet; adds to FOLDER/image_quality_fid.csv.

    Raises:
      InputError: no run is done yet, or --inception_weights do not fit.
    """
    from experiments.common import jobs
    from tf_smallgan.models.inception import HOW_TO_GET_WEIGHTS

    if not config.coreset.inception_weights:
        raise InputError(
            "--score_inception needs --inception_weights. " + HOW_TO_GET_WEIGHTS
        )
    table = ResultsTable(folder / FILE, KEY)
    trained = finished(runs, "--score_inception")
    if config.image_quality.latent_scales:
        trained = at_last_step(trained)
    work = [
        job
        for run in trained
        for job in jobs_of(run, config)
        if not table.has(**job.key)
    ]
    _name_lost(job for job in work if not job.names)
    # Late steps first, where runs are told apart: a half-done study has them of all.
    work = sorted((job for job in work if job.names), key=lambda job: -job.step)
    print(f"{table.path}: {len(table.rows)} rows, {len(work)} checkpoints to score")
    processes = config.image_quality.processes
    # The first alone: it makes the reference, if there is none, that the others read.
    alone = 1 if processes > 1 else len(work)
    jobs.run_all(one, work[:alone], 1, table)
    jobs.run_all(one, work[alone:], processes, table)


def jobs_of(run: StudyRun, config: ImageQualityConfig) -> list[FidJob]:
    """The best checkpoint, the last, and those that --fid_every_steps asks for.

    With --latent_scales the last one at each of these.
    """
    from tf_smallgan.training.checkpoint_files import best_step, steps_in

    every, last = config.image_quality.fid_every_steps, trained_steps(run)
    if config.image_quality.latent_scales:
        scales = checked_scales(config.image_quality.latent_scales)
        return [FidJob(run, last, ("last",), config, scale) for scale in scales]
    names: dict[int, list[str]] = {}
    names.setdefault(best_step(run.workdir), []).append("best")
    names.setdefault(last, []).append("last")
    kept = steps_in(run.workdir.checkpoints)
    for step in range(every, last + 1, every) if every else ():
        names.setdefault(step, ["kept"] if step in kept else [])
    return [FidJob(run, step, tuple(some), config) for step, some in names.items()]


def _name_lost(lost: Iterable[FidJob]) -> None:
    """Says which steps cannot be scored any more, run by run."""
    steps: dict[str, list[str]] = {}
    for job in lost:
        steps.setdefault(str(job.run), []).append(f"{job.step:,}")
    for run, some in steps.items():
        print(
            f"{run}: left out are steps {' and '.join(some)}, whose checkpoints were "
            "not kept; --keep_every_steps keeps them while training.",
            file=sys.stderr,
        )


def one(job: FidJob) -> list[dict[str, Any]]:
    """The Frechet distance of a checkpoint and the network that it was taken with."""
    from tf_smallgan.evaluation import run as commands

    run = job.run
    flags = [
        *(f"--{name}={value}" for name, value in job.counts.items()),
        f"--inception_weights={job.config.coreset.inception_weights}",
        f"--workdir={run.workdir.path}",
        f"--cache_dir={run.config.data.cache_dir}",
        f"--data_dir={run.config.data.data_dir}",
        f"--step={job.step}",
        f"--truncation_rule={job.latents['truncation_rule']}",
        f"--truncations={job.latents['truncation']}",
        "--feature_space=inception",
    ]
    print(f"{job}: {' and '.join(job.names)} checkpoint", flush=True)
    (evaluation,) = commands.evaluate(config_lib.parse(flags, config_lib.EVALUATE))
    ((name, scores),) = evaluation.scores.items()
    value = scores.value_of("frechet_distance")
    assert value is not None
    found = {
        "checkpoint": " and ".join(job.names),
        "network": name,
        "weights": scores.space.hash[:16],
        "frechet_distance": round(value, 4),
    }
    return [job.key | found]
