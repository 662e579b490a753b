"""Image quality over the width of the latents that are sampled, as they are trained.

Scores on the way are of latents cut as samples are (--truncation_rule). G is trained on
uncut ones, and by core-sets on such as lie farther out than most. How much of a score
is due to that shows here: normal latents, uncut, times each of some scales.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from experiments.common.results import ResultsTable
from experiments.common.runs import StudyRun, is_over, trained_steps
from experiments.image_quality.flags import ImageQualityConfig
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError

FILE = "image_quality_scales.csv"
KEY = ("arm", "seed", "settings", "step", "num_samples", "scale")
RULE = "scale"


@dataclasses.dataclass(frozen=True)
class ScalesJob:
    """The last checkpoint of a run, to be scored at some scales."""

    run: StudyRun
    scales: tuple[float, ...]

    def __str__(self) -> str:
        return f"Scales of {self.run}"

    def key(self, scale: float) -> dict[str, Any]:
        """The columns that tell the score at a scale from others."""
        config = self.run.config
        return {
            "arm": self.run.name,
            "seed": self.run.seed,
            "settings": self.run.settings,
            "step": config.training.train_steps,
            "num_samples": config.schedule.eval_samples,
            "scale": scale,
        }


def score(
    config: ImageQualityConfig, runs: Sequence[StudyRun], folder: pathlib.Path
) -> None:
    """Scores what is trained and not scored yet; adds to FILE in `folder`.

    Raises:
      InputError: no run is done yet, or a scale is none.
    """
    from experiments.common import jobs

    options = config.image_quality
    scales = checked_scales(options.latent_scales)
    table = ResultsTable(folder / FILE, KEY)
    work = []
    for run in at_last_step(finished(runs, "--latent_scales")):
        job = ScalesJob(run, scales)
        missing = tuple(s for s in job.scales if not table.has(**job.key(s)))
        if missing:
            work.append(dataclasses.replace(job, scales=missing))
    print(f"{table.path}: {len(table.rows)} rows, {len(work)} runs to score")
    jobs.run_all(one, work, options.processes, table)


def checked_scales(scales: Sequence[float]) -> tuple[float, ...]:
    """Each scale once, as a float.

    Raises:
      InputError: latents cannot have such a scale.
    """
    from tf_smallgan.sampling.sampler import check_truncation

    for scale in scales:
        check_truncation(scale, "latent_scales", RULE)
    return tuple(dict.fromkeys(float(scale) for scale in scales))


def at_last_step(runs: Sequence[StudyRun]) -> list[StudyRun]:
    """The runs whose newest checkpoint is that of --train_steps; names the others."""
    found = []
    for run in runs:
        reached, last = trained_steps(run), run.config.training.train_steps
        if reached == last:
            found.append(run)
        elif reached < last:
            print(f"{run} ended at step {reached:,} and is left out.", flush=True)
        else:
            print(
                f"{run} has gone on to step {reached:,} and is left out: give "
                f"--train_steps={reached}.",
                flush=True,
            )
    return found


def finished(runs: Sequence[StudyRun], flag: str) -> list[StudyRun]:
    """The runs that are over and have scores.

    Raises:
      InputError: there is none; names the flag.
    """
    found = [run for run in runs if is_over(run) and run.workdir.best_file.exists()]
    if not found:
        raise InputError(
            f"{flag}: no run of these settings is done yet, so there is no best or "
            f"last checkpoint; train first, without {flag}."
        )
    return found


def one(job: ScalesJob) -> list[dict[str, Any]]:
    """A row a scale: distance in the classifier's features, conditional accuracy."""
    from experiments.common.scoring import Sampling, score_run

    uncut = config_lib.replace(job.run.config, truncation_rule=RULE)
    found = score_run(
        dataclasses.replace(job.run, config=uncut),
        [Sampling(truncation=scale) for scale in job.scales],
        job.run.config.schedule.eval_samples,
    )
    return [
        job.key(sampling.truncation)
        | {name: round(value, 4) for name, value in scores.items()}
        for sampling, scores in found.items()
    ]
