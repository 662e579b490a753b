"""FID of the runs' best and last checkpoints, in a pass of its own that resumes."""

import pathlib
from collections.abc import Sequence

from tf_smallgan import config as config_lib
from tf_smallgan.config import Config
from tf_smallgan.errors import InputError
from tf_smallgan.experiments.results import ResultsTable
from tf_smallgan.experiments.runs import StudyRun, is_over, trained_steps

FILE = "image_quality_fid.csv"
KEY = ("arm", "seed", "settings", "step", "num_samples", "reference_images")


def score(config: Config, runs: Sequence[StudyRun], folder: pathlib.Path) -> None:
    """Scores what is trained and not scored yet; adds to FOLDER/image_quality_fid.csv.

    Raises:
      InputError: no run is done yet, or --inception_weights do not fit.
    """
    from tf_smallgan.models.inception import HOW_TO_GET_WEIGHTS

    assert config.image_quality is not None
    counts = {
        "num_samples": config.image_quality.fid_samples,
        "reference_images": config.image_quality.fid_reference_images,
    }
    if not config.coreset.inception_weights:
        raise InputError(
            "--score_inception needs --inception_weights. " + HOW_TO_GET_WEIGHTS
        )
    table = ResultsTable(folder / FILE, KEY)
    trained = [run for run in runs if is_over(run) and run.workdir.best_file.exists()]
    if not trained:
        raise InputError(
            "--score_inception: no run of these settings is done yet, so there is no "
            "best or last checkpoint; train first, without --score_inception."
        )
    for run in trained:
        for step, names in checkpoints_of(run).items():
            key = {"arm": run.name, "seed": run.seed, "settings": run.settings}
            key |= {"step": step, **counts}
            if not table.has(**key):
                found = _distance(run, names[0], config)
                table.add([key | {"checkpoint": " and ".join(names)} | found])


def checkpoints_of(run: StudyRun) -> dict[int, list[str]]:
    """Step to which of "best" and "last" it is, or both."""
    from tf_smallgan.training.best import best_step

    found: dict[int, list[str]] = {}
    found.setdefault(best_step(run.workdir), []).append("best")
    found.setdefault(trained_steps(run), []).append("last")
    return found


def _distance(run: StudyRun, step: str, config: Config) -> dict[str, object]:
    """The Frechet distance of a checkpoint and the network that it was taken with."""
    from tf_smallgan.evaluation import commands

    assert config.image_quality is not None
    flags = [
        f"--workdir={run.workdir.path}",
        f"--cache_dir={run.config.data.cache_dir}",
        f"--data_dir={run.config.data.data_dir}",
        f"--inception_weights={config.coreset.inception_weights}",
        f"--num_samples={config.image_quality.fid_samples}",
        f"--reference_images={config.image_quality.fid_reference_images}",
        f"--step={step}",
        "--feature_space=inception",
    ]
    print(f"{run}: {step} checkpoint", flush=True)
    (evaluation,) = commands.evaluate(config_lib.parse(flags, "evaluate"))
    ((name, scores),) = evaluation.scores.items()
    value = scores.value_of("frechet_distance")
    assert value is not None
    return {
        "network": name,
        "weights": scores.space.hash[:16],
        "frechet_distance": round(value, 4),
    }
