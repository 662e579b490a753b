"""Every flag, defined once, read once into frozen dataclasses.

A flag *is* a field of a dataclass in one of the modules named `*_sections`: its name,
type, default and help come from there. Nothing else in the package sees absl's FLAGS.
`None` means "follows from the data set or the architecture" and is filled in by
`tf_smallgan.settings`.
"""

import dataclasses
import pathlib
import types
import typing
from collections.abc import Sequence
from typing import Any

from absl import flags

from tf_smallgan.command_sections import (
    EvaluateConfig,
    ExportConfig,
    SampleConfig,
    TpuCheckConfig,
)
from tf_smallgan.config_sections import (
    CoresetConfig,
    DataConfig,
    ModelConfig,
    RunConfig,
    SamplingConfig,
    ScheduleConfig,
    TrainingConfig,
)
from tf_smallgan.errors import InputError
from tf_smallgan.experiment_sections import (
    EXPERIMENT_SECTIONS,
    PRESETS,
    AnomalyDetectionConfig,
    BatchCostConfig,
    BigganEffectsConfig,
    GaussianGridConfig,
    ImageQualityConfig,
)

FLAGS_FILE = "flags.cfg"


@dataclasses.dataclass(frozen=True)
class Config:
    """All that shapes a run. Commands add one section of their own."""

    run: RunConfig = RunConfig()
    data: DataConfig = DataConfig()
    coreset: CoresetConfig = CoresetConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    sampling: SamplingConfig = SamplingConfig()
    sample: SampleConfig | None = None
    evaluate: EvaluateConfig | None = None
    export: ExportConfig | None = None
    tpu_check: TpuCheckConfig | None = None
    gaussian_grid: GaussianGridConfig | None = None
    batch_cost: BatchCostConfig | None = None
    anomaly_detection: AnomalyDetectionConfig | None = None
    image_quality: ImageQualityConfig | None = None
    biggan_effects: BigganEffectsConfig | None = None


COMMON_SECTIONS: dict[str, type] = {
    "run": RunConfig,
    "data": DataConfig,
    "coreset": CoresetConfig,
    "model": ModelConfig,
    "training": TrainingConfig,
    "schedule": ScheduleConfig,
    "sampling": SamplingConfig,
}
COMMAND_SECTIONS: dict[str, type] = {
    "sample": SampleConfig,
    "evaluate": EvaluateConfig,
    "export": ExportConfig,
    "tpu_check": TpuCheckConfig,
    **EXPERIMENT_SECTIONS,
}
READS_WORKDIR_FLAGS = ("sample", "evaluate", "export")


def sections_of(command: str) -> dict[str, type]:
    """The sections whose flags `command` accepts, by field name of Config."""
    sections = dict(COMMON_SECTIONS)
    if command in COMMAND_SECTIONS:
        sections[command] = COMMAND_SECTIONS[command]
    return sections


def define_flags(command: str, flag_values: flags.FlagValues) -> None:
    """Defines the flags of `command` on `flag_values`."""
    for section in sections_of(command).values():
        hints = typing.get_type_hints(section)
        for field in dataclasses.fields(section):
            _define_flag(field, hints[field.name], flag_values)


def help_text(command: str, about: str) -> str:
    """What --help prints: what the command is for, and every flag by its section."""
    parts = [about.strip()]
    # What an experiment starts from is its default.
    presets = dict(x.removeprefix("--").split("=") for x in PRESETS.get(command, ()))
    # A command's own flags first.
    for section in reversed(sections_of(command).values()):
        values = flags.FlagValues()
        hints = typing.get_type_hints(section)
        for field in dataclasses.fields(section):
            _define_flag(field, hints[field.name], values)
        for name, text in presets.items():
            if name in values:
                values.set_default(name, text)
        _, lines = values.module_help(__name__).split(f"{__name__}:\n")
        parts.append(f"{section.__doc__}\n{lines}")
    return "\n\n".join(parts)


def _define_flag(
    field: dataclasses.Field, hint: Any, flag_values: flags.FlagValues
) -> None:
    meta, help_text = field.metadata, field.metadata["help"]
    kind, default = _plain_type(hint), typing.cast(Any, field.default)
    common: dict[str, Any] = {"flag_values": flag_values}
    if kind is tuple:
        texts = None if default is None else [str(x) for x in default]
        flags.DEFINE_list(field.name, texts, help_text, **common)
    elif kind is bool:
        flags.DEFINE_bool(field.name, default, help_text, **common)
    elif meta["choices"]:
        flags.DEFINE_enum(
            field.name, default, list(meta["choices"]), help_text, **common
        )
    elif kind is str:
        flags.DEFINE_string(field.name, default, help_text, **common)
    else:
        define = flags.DEFINE_integer if kind is int else flags.DEFINE_float
        define(
            field.name,
            default,
            help_text,
            lower_bound=meta["minimum"],
            upper_bound=meta["maximum"],
            **common,
        )


def _plain_type(hint: Any) -> type:
    """int for `int | None`, tuple for `tuple[int, ...] | None`, and so on."""
    if isinstance(hint, types.UnionType):
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    return typing.get_origin(hint) or hint


def _element_type(hint: Any) -> type:
    """int for `tuple[int, ...]` with or without `| None`."""
    if isinstance(hint, types.UnionType):
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    return typing.get_args(hint)[0]


def from_flags(command: str, flag_values: flags.FlagValues) -> Config:
    """Reads the flags of `command` into a Config.

    Raises:
      InputError: a list holds something that is not a number.
    """
    sections = {}
    for name, section in sections_of(command).items():
        hints = typing.get_type_hints(section)
        sections[name] = section(
            **{
                field.name: _read(field.name, hints[field.name], flag_values)
                for field in dataclasses.fields(section)
            }
        )
    return Config(**sections)


def _read(name: str, hint: Any, flag_values: flags.FlagValues) -> Any:
    value = flag_values[name].value
    if _plain_type(hint) is not tuple or value is None:
        return value
    element = _element_type(hint)
    try:
        return tuple(element(x) for x in value)
    except ValueError as error:
        raise InputError(
            f"--{name}={','.join(value)} is not a comma list of numbers "
            f"({element.__name__}); give for example --{name}=1,2."
        ) from error


def parse(argv: Sequence[str], command: str = "train") -> Config:
    """Parses arguments without touching absl's global FLAGS.

    Args:
      argv: arguments, the program's name not among them.
      command: whose flags to accept.

    Raises:
      InputError: an argument is no flag.
      absl.flags.Error: an unknown flag or a value out of range.
    """
    values = flags.FlagValues()
    define_flags(command, values)
    rest = values([command, *with_stored_flags(argv, command)])[1:]
    _refuse_words(rest)
    return from_flags(command, values)


def _refuse_words(rest: Sequence[str]) -> None:
    if rest:
        raise InputError(f"'{rest[0]}' is not a flag; flags are written --name=value.")


def with_stored_flags(argv: Sequence[str], command: str) -> list[str]:
    """Puts before `argv` what a command starts from.

    For those that read a workdir, its flags.cfg; for an experiment, its preset.

    Raises:
      InputError: the workdir has no flags.cfg.
    """
    argv = [*PRESETS.get(command, ()), *argv]
    if command not in READS_WORKDIR_FLAGS:
        return argv
    values = flags.FlagValues()
    define_flags(command, values)
    values([command, *argv])
    workdir = values["workdir"].value
    if not workdir:
        return argv
    path = pathlib.Path(workdir, FLAGS_FILE)
    if not path.exists():
        raise InputError(
            f"--workdir={workdir} has no {FLAGS_FILE}: it is not the folder of a "
            "training run. Train first, or name the run's folder."
        )
    return [*_stored(path), *argv]


def _stored(path: pathlib.Path) -> list[str]:
    """The flags of a workdir, but for those of the machine that it was trained on."""
    own = tuple(f"--{name}=" for name in ("strategy", "tpu", "logical_cpus"))
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line for line in lines if line.startswith("-") and not line.startswith(own)]


def to_flag_lines(config: Config) -> list[str]:
    """The common flags of `config` as `--name=value` lines, enough to repeat it.

    Flags that follow from the data set and were not filled in are left out.
    """
    lines = []
    for name, section in COMMON_SECTIONS.items():
        for field in dataclasses.fields(section):
            value = getattr(getattr(config, name), field.name)
            if value is None or field.name == "dry_run":
                continue
            if isinstance(value, tuple):
                value = ",".join(str(x) for x in value)
            lines.append(f"--{field.name}={value}")
    return lines


def replace(config: Config, **changes: Any) -> Config:
    """A copy of `config` with flags of any section changed, by their names.

    Raises:
      KeyError: no section has that flag.
    """
    for name, value in changes.items():
        section = section_of_flag(config, name)
        old = getattr(config, section)
        config = dataclasses.replace(
            config, **{section: dataclasses.replace(old, **{name: value})}
        )
    return config


def section_of_flag(config: Config, flag: str) -> str:
    """The name of the section of `config` that holds `flag`."""
    for section in dataclasses.fields(config):
        part = getattr(config, section.name)
        if part is not None and hasattr(part, flag):
            return section.name
    raise KeyError(flag)
