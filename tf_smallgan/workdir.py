"""A run's folder: where things lie, and whether a run may go on in it."""

import dataclasses
import json
import pathlib
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

from tf_smallgan import config as config_lib
from tf_smallgan.config import Config
from tf_smallgan.config.flags import ImportedModel, SamplingFlags, ScheduleFlags
from tf_smallgan.config.parsing import MODEL_FILE, read_flag_lines, sections_of
from tf_smallgan.errors import InputError
from tf_smallgan.files import replacing

# What may differ between the run that made a workdir and one that goes on in it.
_MAY_CHANGE = {
    "workdir",
    "strategy",
    "tpu",
    "logical_cpus",
    "deterministic",
    "dry_run",
    "data_dir",
    "cache_dir",
    "inception_weights",
    "train_steps",
    "microbatches",
    "remat",
    *(field.name for field in dataclasses.fields(ScheduleFlags)),
    *(field.name for field in dataclasses.fields(SamplingFlags)),
}


SCORES_FILE = "scores.jsonl"
EXPORT_EXTRA, EXPORT_FACTS = "assets.extra", "export.json"


_PATTERN = set("*?[]\\")


def check_local(flag: str, path: str) -> None:
    """Refuses a bucket's address, which would become a folder of this machine.

    Raises:
      InputError: it is one.
    """
    if "://" in path:
        raise InputError(
            f"--{flag}={path} is an address, where a folder of this machine is needed: "
            "give one, such as that which the bucket is mounted at. Only --data_dir is "
            "read from buckets."
        )


def check_name(flag: str, path: str) -> None:
    """Refuses a folder that TensorFlow would read as a pattern when it restores.

    Raises:
      InputError: the path has a character of patterns, or as `check_local`.
    """
    check_local(flag, path)
    found = [character for character in path if character in _PATTERN]
    if found:
        raise InputError(
            f"--{flag}={path} has a {found[0]!r}, and TensorFlow takes such names for "
            "patterns when it restores: what is saved there could not be read again. "
            "Choose a name without *, ?, [, ] and backslashes."
        )


class Workdir:
    """Paths below --workdir.

    Raises:
      InputError: no --workdir was given, or one that cannot be restored from.
    """

    def __init__(self, path: str):
        if not path:
            raise InputError(
                "--workdir is not set: name the folder of the run, for example "
                "--workdir=runs/digits."
            )
        check_name("workdir", path)
        self.path = pathlib.Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.best = self.path / "best"
        self.best_file = self.path / "best.json"
        self.rollbacks = self.path / "rollbacks.json"
        self.tensorboard = self.path / "tensorboard"
        self.samples = self.path / "samples"
        self.metrics = self.path / "metrics.jsonl"
        self.evaluation = self.path / "evaluation"
        self.scores = self.evaluation / SCORES_FILE
        self.flags = self.path / config_lib.FLAGS_FILE

    def has_checkpoint(self) -> bool:
        """Whether a run's weights are kept here, be it only its best ones."""
        folders = self.checkpoints, self.best
        return any(any(folder.glob("*.index")) for folder in folders)

    def open(self, config: Config) -> None:
        """Makes the folder and writes flags.cfg.

        Raises:
          InputError: the folder holds a run of other flags, which are listed.
        """
        if self.flags.exists() and self.has_checkpoint():
            self._refuse(differing_flags(self._flags_before(), config))
        with replacing(self.flags) as partial:
            partial.write_text("\n".join(config_lib.to_flag_lines(config)) + "\n")
        if config.imported != ImportedModel():
            text = json.dumps(dataclasses.asdict(config.imported), indent=2)
            with replacing(self.path / MODEL_FILE) as partial:
                partial.write_text(text + "\n")

    def check_given(self, config: Config) -> None:
        """Refuses flags that a run here was not trained with, as far as they are given.

        Args:
          config: not completed; what it leaves open may yet become what it was.

        Raises:
          InputError: the folder holds a run of other flags, which are listed.
        """
        if self.flags.exists() and self.has_checkpoint():
            self._refuse(
                difference
                for difference in differing_flags(self._flags_before(), config)
                if None not in difference[1:]
            )

    def _flags_before(self) -> Config:
        return config_lib.parse(read_flag_lines(self.flags))

    def _refuse(self, found: Iterable[tuple[str, object, object]]) -> None:
        """Raises InputError if there are differing flags."""
        differences = list(found)
        if differences:
            lines = "; ".join(
                f"--{name} was {before} and is now {after}"
                for name, before, after in differences
            )
            raise InputError(
                f"--workdir={self.path} holds a run of other flags: {lines}. Give the "
                "old values to go on, or another --workdir to start afresh."
            )


def cache_folder(config: Config) -> pathlib.Path:
    """Where the embedding cache lies.

    Raises:
      InputError: neither --cache_dir nor --workdir is given, or as `check_name`.
    """
    if config.data.cache_dir:
        check_name("cache_dir", config.data.cache_dir)
        return pathlib.Path(config.data.cache_dir)
    return Workdir(config.run.workdir).path / "cache"


def version_folder(export_dir: str) -> pathlib.Path:
    """The SavedModel that --export_dir names: itself, or its newest version.

    Raises:
      InputError: there is none.
    """
    check_name("export_dir", export_dir)
    path = pathlib.Path(export_dir)
    if (path / "saved_model.pb").exists():
        return path
    versions = [
        child
        for child in path.glob("*")
        if child.name.isdigit() and (child / "saved_model.pb").exists()
    ]
    if not versions:
        raise InputError(
            f"--export_dir={export_dir} holds no SavedModel: name the folder that "
            "`python -m export --export_dir=` wrote, or one of its versions."
        )
    return max(versions, key=lambda child: int(child.name))


def exported_facts(version: pathlib.Path) -> dict[str, Any]:
    """What an export says of itself, as plain values.

    Raises:
      InputError: it is no export of this package.
    """
    path = version / EXPORT_EXTRA / EXPORT_FACTS
    if not path.exists():
        raise InputError(
            f"{version} has no {EXPORT_EXTRA}/{EXPORT_FACTS}: name a version folder "
            "that `python -m export` wrote, for example exports/digits/1."
        )
    return json.loads(path.read_text())


def most_truncation(grid: Sequence[float]) -> float:
    """The largest truncation of requests to an export with statistics on this grid."""
    return max(1.0, grid[-1])


def check_exported_truncation(export_dir: str, truncation: float, flag: str) -> None:
    """Refuses a truncation that an export does not take.

    Raises:
      InputError: for such a truncation, and where there is no export.
    """
    facts = exported_facts(version_folder(export_dir))
    most = most_truncation(facts["standing_truncations"])
    if not 0 < truncation <= most:
        raise InputError(
            f"--{flag}={truncation} is outside (0, {most:g}], for which "
            f"--export_dir={export_dir} has batch norm statistics. They may go on to "
            "2 with --truncation_rule=scale and --standing_truncations of `export`."
        )


def check_exported_rule(export_dir: str, rule: str) -> None:
    """Refuses a --truncation_rule that an export cannot follow: it has its own.

    Raises:
      InputError: the rule is another one and not the default.
    """
    exported = exported_facts(version_folder(export_dir))["truncation_rule"]
    if rule not in (exported, SamplingFlags().truncation_rule):
        raise InputError(
            f"--truncation_rule={rule}, given or of the workdir's flags.cfg: "
            f"--export_dir={export_dir} draws by the rule {exported} that it was "
            f"exported with. Give --truncation_rule={exported}, or export by the other."
        )


def check_writable(flag: str, folder: pathlib.Path) -> None:
    """Refuses, before long work, a folder that nothing can be written to at its end.

    Raises:
      InputError: it cannot be made, or files cannot be made in it.
    """
    existing = folder
    try:
        while not existing.exists():
            existing = existing.parent
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise InputError(
            f"--{flag}: {folder} cannot be written to: {error.strerror}. Name another "
            "folder."
        ) from error


def differing_flags(old: Config, new: Config) -> list[tuple[str, object, object]]:
    """(flag, old value, new value) of the flags that must not change."""
    before, after = shaping_flags(old), shaping_flags(new)
    return [
        (name, before[name], value)
        for name, value in after.items()
        if before[name] != value
    ]


def shaping_flags(config: Config) -> dict[str, object]:
    """The flags that decide what a run becomes, by name: those that must not change."""
    return {
        field.name: getattr(getattr(config, section), field.name)
        for section, kind in sections_of(Config).items()
        for field in dataclasses.fields(kind)
        if field.name not in _MAY_CHANGE
    }
