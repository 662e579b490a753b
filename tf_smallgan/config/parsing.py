"""Defines the flags of a command with absl and reads them into frozen dataclasses."""

import dataclasses
import json
import pathlib
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, overload

from absl import flags

from tf_smallgan.config.flags import Config, ImportedModel
from tf_smallgan.errors import InputError

FLAGS_FILE, MODEL_FILE = "flags.cfg", "model.json"

C = TypeVar("C", bound=Config)


@dataclasses.dataclass(frozen=True)
class Command(Generic[C]):
    """A command and the flags that it accepts.

    Attributes:
      name: as a user types it.
      config: `Config`, or a subclass with a section of the command's own.
      preset: `--name=value` defaults that differ from those of the sections.
      reads_workdir: whether it starts from the flags.cfg of --workdir.
      has_plan: whether --dry_run prints what it would do.
    """

    name: str
    config: type[C]
    preset: tuple[str, ...] = ()
    reads_workdir: bool = False
    has_plan: bool = False


# The flags of a run alone.
RUN = Command("run", Config)


def sections_of(config: type[Config]) -> dict[str, type]:
    """The sections of a config class, by field name."""
    return {
        field.name: typing.cast(type, field.type)
        for field in dataclasses.fields(config)
        if field.metadata.get("flags", True)
    }


def define_flags(command: Command, flag_values: flags.FlagValues) -> None:
    """Defines the flags of `command` on `flag_values`."""
    for section in sections_of(command.config).values():
        hints = typing.get_type_hints(section)
        for field in dataclasses.fields(section):
            _define_flag(field, hints[field.name], flag_values)


def help_text(command: Command, about: str) -> str:
    """What --help prints: what the command is for, and every flag by its section."""
    parts = [about.strip()]
    presets = dict(x.removeprefix("--").split("=") for x in command.preset)
    # A command's own flags first.
    for section in reversed(sections_of(command.config).values()):
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


def from_flags(command: Command[C], flag_values: flags.FlagValues) -> C:
    """Reads the flags of `command` into its config.

    Raises:
      InputError: a list holds something that is not a number.
    """
    sections = {}
    for name, section in sections_of(command.config).items():
        hints = typing.get_type_hints(section)
        sections[name] = section(
            **{
                field.name: _read(field.name, hints[field.name], flag_values)
                for field in dataclasses.fields(section)
            }
        )
    config = command.config(**sections)
    if not command.reads_workdir or not config.run.workdir:
        return config
    return dataclasses.replace(config, imported=read_imported(config.run.workdir))


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


@overload
def parse(argv: Sequence[str]) -> Config: ...
@overload
def parse(argv: Sequence[str], command: Command[C]) -> C: ...
def parse(argv: Sequence[str], command: Command = RUN) -> Config:
    """Parses arguments without touching absl's global FLAGS.

    Args:
      argv: arguments, the program's name not among them.
      command: whose flags to accept; those of a run when not given.

    Raises:
      InputError: an argument is no flag.
      absl.flags.Error: an unknown flag or a value out of range.
    """
    values = flags.FlagValues()
    define_flags(command, values)
    rest = values([command.name, *arguments(argv, command)])[1:]
    refuse_words(rest)
    return from_flags(command, values)


def refuse_words(rest: Sequence[str]) -> None:
    """Raises InputError for arguments that are no flags."""
    if rest:
        raise InputError(f"'{rest[0]}' is not a flag; flags are written --name=value.")


def arguments(argv: Sequence[str], command: Command) -> list[str]:
    """The arguments to parse: those of the command's preset and of files, then `argv`.

    Flag files are expanded. A command that reads a workdir starts from its flags.cfg.

    Raises:
      InputError: the workdir has no flags.cfg, or a removed flag is set.
    """
    expanded = flags.FlagValues().read_flags_from_files([*command.preset, *argv])
    argv = without_removed(expanded)[0]
    if not command.reads_workdir:
        return argv
    values = flags.FlagValues()
    define_flags(command, values)
    values([command.name, *argv])
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


# Flags of earlier versions at the values that change nothing. Files that set them so
# are still read; those that are a field of ImportedModel may have other values there.
_REMOVED = {
    "batch_norm_epsilon": "1e-05",
    "class_embedding_dim": "128",
    "fused_resampling": "True",
    "lean_to_image": "False",
    "spectral_norm": "auto",
    "statistics_truncations": "",
}


def without_removed(argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Splits arguments into those of today and values of removed flags.

    Returns:
      The other arguments, and the removed flags that are not at their neutral value.

    Raises:
      InputError: --fused_resampling is off.
    """
    rest, removed = [], {}
    for argument in argv:
        name, _, value = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or name not in _REMOVED:
            rest.append(argument)
        elif value != _REMOVED[name]:
            removed[name] = value
    if "fused_resampling" in removed:
        raise InputError(
            "--fused_resampling was removed, and resampling convolutions are always "
            "fused: remove the flag; the results are the same."
        )
    return rest, removed


def read_imported(workdir: str) -> ImportedModel:
    """What the model of a workdir brings: from its model.json.

    Workdirs of earlier versions have it in flags.cfg.

    Raises:
      InputError: model.json cannot be read.
    """
    path = pathlib.Path(workdir, MODEL_FILE)
    if path.exists():
        try:
            values = json.loads(path.read_text())
            values["statistics_truncations"] = tuple(values["statistics_truncations"])
            return ImportedModel(**values)
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"{path} cannot be read: {error}. Import the weights again."
            ) from error
    flags_file = pathlib.Path(workdir, FLAGS_FILE)
    if not flags_file.exists():
        return ImportedModel()
    removed = without_removed(flags_file.read_text().splitlines())[1]
    read: dict[str, Callable[[str], Any]] = {
        "batch_norm_epsilon": float,
        "class_embedding_dim": int,
        "lean_to_image": lambda text: text == "True",
        "spectral_norm": lambda text: text != "none",
        "statistics_truncations": lambda text: tuple(map(float, text.split(","))),
    }
    return ImportedModel(**{name: read[name](text) for name, text in removed.items()})


def _stored(path: pathlib.Path) -> list[str]:
    """The flags of a workdir, without those of the machine that it was trained on."""
    own = tuple(f"--{name}=" for name in ("strategy", "tpu", "logical_cpus"))
    return [line for line in read_flag_lines(path) if not line.startswith(own)]


def read_flag_lines(path: pathlib.Path) -> list[str]:
    """The flags of a file, one per line, without removed ones."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return without_removed([line for line in lines if line.startswith("-")])[0]


def to_flag_lines(config: Config) -> list[str]:
    """The common flags of `config` as `--name=value` lines, enough to repeat it.

    Flags that follow from the data set and were not filled in are left out.
    """
    lines = []
    for name, section in sections_of(Config).items():
        for field in dataclasses.fields(section):
            value = getattr(getattr(config, name), field.name)
            if value is None or field.name == "dry_run":
                continue
            if isinstance(value, tuple):
                value = ",".join(str(x) for x in value)
            lines.append(f"--{field.name}={value}")
    return lines


def replace(config: C, **changes: Any) -> C:
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
        if hasattr(getattr(config, section.name), flag):
            return section.name
    raise KeyError(flag)
