"""Every flag, defined once, read once into frozen dataclasses.

A flag *is* a dataclass field: its name, type, default and help come from the
field, so that a flag cannot exist without a reader. Nothing else in the package
sees absl's FLAGS. `None` means "follows from the data set or the architecture"
and is filled in by `tf_smallgan.settings`.
"""

import dataclasses
import pathlib
import types
import typing
from collections.abc import Sequence
from typing import Any

from absl import flags

from tf_smallgan.errors import InputError

FLAGS_FILE = "flags.cfg"


def option(
    default: Any,
    help_text: str,
    *,
    choices: Sequence[str] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """A dataclass field that is also a flag."""
    metadata = {
        "help": help_text,
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Where a run lives and what it runs on."""

    workdir: str = option(
        "", "The run's folder: checkpoints, samples, logs and flags.cfg."
    )
    strategy: str = option(
        "auto",
        "How training is distributed; auto takes what is there and says which.",
        choices=("auto", "one_device", "mirrored", "multi_worker", "tpu"),
    )
    tpu: str = option("local", "Name or address of the TPU; 'local' on its own host.")
    logical_cpus: int = option(
        1, "Splits one CPU into this many devices, to try `mirrored`.", minimum=1
    )
    seed: int = option(0, "Everything random follows from it.", minimum=0)
    deterministic: bool = option(
        False, "Op determinism, for bit-exact repeats; may be slower."
    )
    dry_run: bool = option(False, "Print the plan and stop; needs no data.")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which images are trained on and how they are converted."""

    dataset: str = option(
        "digits",
        "'digits' (scikit-learn's, embedded), 'image_folder', or any TFDS name "
        "such as mnist, cifar10, imagenet2012, lsun/church_outdoor.",
    )
    data_dir: str = option(
        "", "TFDS's data folder, or for image_folder the folder of class folders."
    )
    split: str = option("train", "The split that is trained on.")
    cache_dir: str = option(
        "", "Folder of the embedding cache; WORKDIR/cache when empty."
    )
    resolution: int = option(32, "Image height and width in pixels.", minimum=8)
    image_channels: int | None = option(
        None, "1 (grey) or 3 (RGB); images are converted.", minimum=1, maximum=3
    )
    num_classes: int | None = option(
        None, "Number of classes; from the data set when it is known.", minimum=1
    )
    conditional: bool | None = option(
        None, "Condition on the class; on where the data set has labels."
    )
    random_flip: bool | None = option(
        None, "Mirror half of the images; off for digits and mnist."
    )


@dataclasses.dataclass(frozen=True)
class CoresetConfig:
    """Small-GAN: how a batch is chosen out of a larger one."""

    prior_oversample: int = option(
        4, "Large batch of latents over the batch; 1 turns it off.", minimum=1
    )
    data_oversample: int = option(
        4, "Large batch of data over the batch; 1 turns it off.", minimum=1
    )
    coreset_method: str = option(
        "k_center",
        "Selection rule.",
        choices=("k_center", "stratified", "d_squared", "robust", "uniform"),
    )
    coreset_scope: str = option(
        "replica",
        "Select in each replica's own large batch, or in the global one.",
        choices=("replica", "global"),
    )
    coreset_class_balance: bool = option(
        False,
        "Give each class its share of the large batch of data; k_center alone "
        "draws remote classes more often.",
    )
    coreset_weights: bool = option(
        False, "Weight each chosen point by its share of the large batch."
    )
    embedder: str = option(
        "classifier",
        "Network whose features the data core-set is chosen on.",
        choices=("inception", "classifier", "pixels"),
    )
    inception_weights: str = option(
        "", "File written by tf_smallgan.convert_inception."
    )
    embedding_dim: int = option(
        32, "Features are projected at random to this many dimensions.", minimum=1
    )


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The networks."""

    architecture: str = option(
        "biggan",
        "Which pair of networks.",
        choices=("biggan", "biggan_deep", "sagan", "sngan"),
    )
    channel_multiplier: int | None = option(
        None, "Width ch; from the architecture when not given.", minimum=1
    )
    latent_dim: int | None = option(
        None, "Size of the latent; from the architecture when not given.", minimum=1
    )
    attention_resolutions: tuple[int, ...] | None = option(
        None,
        "Comma list of resolutions with self-attention in G and D; 0 for none; "
        "from the architecture when not given.",
    )
    shared_embedding: bool | None = option(
        None,
        "One class embedding for all conditional batch norms; from the architecture "
        "when not given.",
    )
    skip_latents: bool | None = option(
        None,
        "Feed a chunk of the latent to each block (biggan_deep: all of it); from the "
        "architecture when not given.",
    )
    class_embedding_dim: int = option(
        128, "Size of the shared class embedding.", minimum=1
    )
    spectral_norm: str = option(
        "auto",
        "Which networks are spectrally normalised; auto: as the architecture says.",
        choices=("auto", "both", "discriminator", "none"),
    )
    lean_to_image: bool = option(
        False,
        "biggan_deep: a last convolution of just the image's channels, not of ch.",
    )
    batch_norm_epsilon: float = option(
        1e-5,
        "Added to batch norm's variances; imported models have their own.",
        minimum=0,
    )
    statistics_truncations: tuple[float, ...] = option(
        (),
        "Truncations at which an imported generator brings its own standing "
        "statistics; set by tf_smallgan.import_weights, not for training.",
    )
    fused_resampling: bool = option(
        True, "Exact algebra for resampling convolutions; off for comparison."
    )
    latent_distribution: str = option(
        "normal",
        "The prior.",
        choices=("normal", "uniform", "truncated_normal"),
    )
    precision: str = option(
        "float32",
        "Compute type; weights stay float32.",
        choices=("float32", "bfloat16"),
    )
    remat: bool = option(
        False,
        "Keep the blocks' inputs alone for the backward pass and compute what is "
        "inside again: less memory, more time.",
    )


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Losses, optimizers and their schedule."""

    batch_size: int = option(64, "Global batch that is trained on.", minimum=2)
    train_steps: int = option(
        1000, "Steps; one is all D updates and one G update.", minimum=1
    )
    discriminator_steps: int = option(2, "D updates a step.", minimum=1)
    generator_lr: float = option(5e-5, "Adam's learning rate for G.", minimum=0)
    discriminator_lr: float = option(2e-4, "Adam's learning rate for D.", minimum=0)
    adam_beta1: float = option(0.0, "Adam's beta 1.", minimum=0, maximum=1)
    adam_beta2: float = option(0.999, "Adam's beta 2.", minimum=0, maximum=1)
    ema_decay: float = option(
        0.9999, "Decay of G's averaged weights.", minimum=0, maximum=1
    )
    ema_start_step: int = option(
        0, "Before this step the average is a copy of G.", minimum=0
    )
    orthogonal_regularization: float = option(
        0.0, "Weight of BigGAN's orthogonal regularisation of G.", minimum=0
    )
    microbatches: int = option(
        1,
        "Accumulate gradients over this many parts of each replica's batch: less "
        "memory; batch norm's statistics are those of a part.",
        minimum=1,
    )


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """How often things are written; 0 turns one off."""

    checkpoint_every_steps: int = option(500, "Checkpoint interval.", minimum=0)
    log_every_steps: int = option(50, "Progress and metrics interval.", minimum=0)
    sample_every_steps: int = option(500, "Sample grid interval.", minimum=0)
    eval_every_steps: int = option(0, "Evaluation interval.", minimum=0)
    eval_samples: int = option(1000, "Samples of an evaluation.", minimum=2)
    keep_checkpoints: int = option(3, "Checkpoints kept.", minimum=1)
    on_collapse: str = option(
        "stop", "What to do when training collapses.", choices=("stop", "rollback")
    )
    max_rollbacks: int = option(
        3, "With --on_collapse=rollback, stop at the collapse after so many.", minimum=1
    )


@dataclasses.dataclass(frozen=True)
class SamplingConfig:
    """How latents are truncated and batch norm is set for sampling."""

    truncation_rule: str = option(
        "hub",
        "hub: truncation times a normal cut at 2; threshold: the paper's, cut at "
        "the truncation.",
        choices=("hub", "threshold"),
    )
    standing_batches: int = option(
        100, "Forward passes for standing batch norm statistics.", minimum=1
    )


@dataclasses.dataclass(frozen=True)
class SampleConfig:
    """What `sample` draws."""

    out: str = option("samples.png", "A .png picture or an .npz of images.")
    count: int | None = option(None, "Images in all; 64 when not given.", minimum=1)
    label: tuple[int, ...] | None = option(
        None, "Class or comma list of classes; all of them when not given."
    )
    truncation: float = option(1.0, "Truncation in (0, 1].", maximum=1)
    layout: str = option(
        "grid",
        "grid: random images; classes: a row a class; interpolation: rows between "
        "two latents and classes.",
        choices=("grid", "classes", "interpolation"),
    )
    export_dir: str = option("", "Sample from this export, not from --workdir.")
    step: str = option("last", "best, last, or the number of a kept checkpoint.")


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """What `evaluate` scores."""

    truncations: tuple[float, ...] = option(
        (1.0,), "Comma list of truncations in (0, 1] to score."
    )
    num_samples: int = option(10_000, "Samples to score.", minimum=2)
    report: str = option("", "Write an HTML report to this path.")
    bn: str = option(
        "standing",
        "Batch norm statistics used while sampling.",
        choices=("standing", "moving", "batch"),
    )
    export_dir: str = option("", "Score this export, not --workdir.")
    feature_space: str = option(
        "auto",
        "Where images are compared; auto: the classifier where there are labels, and "
        "Inception too with --inception_weights or --inception_module.",
        choices=("auto", "classifier", "inception", "both"),
    )
    inception_module: str = option(
        "",
        "Inception network to score with in place of --inception_weights: a TF-Hub "
        "address or a SavedModel's folder, images to pool_3 and logits.",
    )
    reference: str = option(
        "",
        "Statistics of the real images to score against: a file that evaluate wrote, "
        "or any .npz with mu and sigma; computed and cached when empty.",
    )
    results_dir: str = option("", "Where scores go; WORKDIR/evaluation when empty.")
    step: str = option("last", "best, last, or the number of a kept checkpoint.")


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """What `export` writes."""

    export_dir: str = option("", "Gets integer version folders.")
    step: str = option("last", "best, last, or the number of a kept checkpoint.")
    standing_truncations: tuple[float, ...] = option(
        (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0),
        "Rising comma list of truncations in (0, 1] at which standing statistics are "
        "computed; those between are interpolated.",
    )


@dataclasses.dataclass(frozen=True)
class TpuCheckConfig:
    """What `tpu_check` compiles for."""

    topology: str = option(
        "v5e:2x2", "A TPU generation and its slice, such as v3:2x2 or v5e:2x2."
    )
    replica_batch: int = option(16, "Batch of the one replica compiled.", minimum=2)


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
    rest = values([command, *with_workdir_flags(argv, command)])[1:]
    _refuse_words(rest)
    return from_flags(command, values)


def _refuse_words(rest: Sequence[str]) -> None:
    if rest:
        raise InputError(f"'{rest[0]}' is not a flag; flags are written --name=value.")


def with_workdir_flags(argv: Sequence[str], command: str) -> list[str]:
    """Puts the workdir's flags.cfg before `argv` for commands that read one.

    Raises:
      InputError: the workdir has no flags.cfg.
    """
    argv = list(argv)
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
    return [f"--flagfile={path}", *argv]


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
