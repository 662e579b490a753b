"""Runs of a study that are ordinary workdirs, trained by the project's own training.

A run's folder is named by its arm, its seed and a digest of its settings, so that a
study that was killed finds what it began, and one of other settings touches nothing.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from experiments.common.results import REMOVED_FLAGS
from tf_smallgan import config as config_lib
from tf_smallgan.config import Config
from tf_smallgan.config.parsing import sections_of
from tf_smallgan.errors import InputError
from tf_smallgan.workdir import Workdir, shaping_flags

# What a run may change without becoming another, and changes what is scored of it.
_SCORING_FLAGS = ("eval_samples", "standing_batches", "truncation_rule")
_CACHE_FLAGS = (
    "dataset",
    "split",
    "resolution",
    "image_channels",
    "embedder",
    "embedding_dim",
    "cache_seed",
)
_COLLAPSED = "collapsed.txt"


@dataclasses.dataclass(frozen=True)
class StudyRun:
    """One training.

    Attributes:
      name: of its arm or variant.
      config: its flags; --workdir is its own folder.
    """

    name: str
    config: Config

    @property
    def seed(self) -> int:
        """Of the run."""
        return self.config.run.seed

    @property
    def workdir(self) -> Workdir:
        """Its folder."""
        return Workdir(self.config.run.workdir)

    @property
    def settings(self) -> str:
        """A digest of its flags without the seed: rows of equal ones compare."""
        return settings_digest(self.config)

    def __str__(self) -> str:
        return f"{self.name}, seed {self.seed}"


def flag(config: Config, name: str) -> Any:
    """The value of a flag of any section."""
    if name in REMOVED_FLAGS:
        return REMOVED_FLAGS[name]
    return getattr(getattr(config, config_lib.section_of_flag(config, name)), name)


def settings_digest(config: Config) -> str:
    """Eight hexadecimal digits of all that shapes a run and its scores but the seed."""
    values = shaping_flags(config) | {n: flag(config, n) for n in _SCORING_FLAGS}
    values |= REMOVED_FLAGS
    del values["seed"]
    images = flag(config, "eval_reference_images")
    values["eval_reference_images"] = images or None
    # What is not given follows from the rest; a flag that is new changes nothing.
    return _digest({n: value for n, value in values.items() if value is not None})


def _digest(values: dict[str, object]) -> str:
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def study_run(config: Config, name: str, folder: pathlib.Path) -> StudyRun:
    """A run of a study, with its place below `folder`.

    Args:
      config: the run's flags; an experiment's own section is left out.
      name: of its arm or variant.
      folder: of all runs of the study; those of one data set share a cache in it.
    """
    config = Config(**{n: getattr(config, n) for n in sections_of(Config)})
    cache = _digest({name: flag(config, name) for name in _CACHE_FLAGS})
    if config.coreset.embedder != "inception":
        # With them each score on the way would be of Inception, minutes long.
        config = config_lib.replace(config, inception_weights="")
    config = config_lib.replace(
        config, cache_dir=config.data.cache_dir or str(folder / f"cache-{cache}")
    )
    place = folder / f"{name}-seed-{config.run.seed}-{settings_digest(config)}"
    return StudyRun(name, config_lib.replace(config, workdir=str(place)))


def prepare_shared(runs: Sequence[StudyRun]) -> None:
    """Fills the cache that runs share: classifier, embeddings, reference.

    Runs at a time would each make them, one over the other.

    Raises:
      InputError: the data set cannot be scored, or the cache is of something else.
    """
    from tf_smallgan.data import dataset
    from tf_smallgan.evaluation.during_training import scoring_config
    from tf_smallgan.evaluation.setup import open_measures, open_spaces, wanted_spaces

    embedding = [run for run in runs if run.config.coreset.data_oversample > 1]
    data = dataset.prepare((embedding or list(runs))[0].config)
    config = scoring_config(data.config)
    names = wanted_spaces(config)
    if "classifier" not in names:
        raise InputError(
            f"--dataset={config.data.dataset} has no labels, and the classifier that "
            "the experiment compares runs with needs them; choose another data set."
        )
    spaces = open_spaces(config, data, names, None)
    open_measures(spaces, data, config.evaluate, None)


def train(run: StudyRun) -> None:
    """Trains a run to its last step, from where it was left.

    One that collapses ends there: the report is kept in its folder, and while it is
    there the run is not trained again.

    Raises:
      InputError: flags or data do not fit, or a signal stopped it.
    """
    from tf_smallgan import trainer
    from tf_smallgan.training.recovery import Collapsed

    if is_over(run):
        return
    print(f"{run}: {run.workdir.path}", flush=True)
    try:
        trainer.train(run.config)
    except Collapsed as report:
        (run.workdir.path / _COLLAPSED).write_text(f"{report}\n")
        print(f"{run}: {report}", flush=True)
        return
    if not is_over(run):
        raise InputError(
            f"Stopped in {run.workdir.path} after step {trained_steps(run)}; the same "
            "command goes on from there."
        )


def is_over(run: StudyRun) -> bool:
    """Whether its last step is trained and scored, or it collapsed."""
    if (run.workdir.path / _COLLAPSED).exists():
        return True
    reached = trained_steps(run) >= run.config.training.train_steps
    return reached and not _end_is_unscored(run)


def trained_steps(run: StudyRun) -> int:
    """The step of the newest checkpoint; 0 without one."""
    from tf_smallgan.training.checkpoint_files import steps_in

    return max(steps_in(run.workdir.checkpoints), default=0)


def _end_is_unscored(run: StudyRun) -> bool:
    from experiments.common.curves import scored_steps
    from tf_smallgan.training.logs import read_metrics

    if not run.config.schedule.eval_every_steps:
        return False
    scored = scored_steps(read_metrics(run.workdir.metrics))
    return trained_steps(run) not in scored


def hardware() -> str:
    """What wall time is of: "2 CPU cores" or "1 GPU"."""
    import tensorflow as tf

    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus:
        return f"{gpus} GPU{'s' if gpus > 1 else ''}"
    return f"{os.cpu_count()} CPU cores"
