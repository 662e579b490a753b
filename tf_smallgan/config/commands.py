"""The commands, and the flags that single commands add to those of a run."""

import dataclasses

from tf_smallgan.config.flags import Config, option
from tf_smallgan.config.parsing import Command


@dataclasses.dataclass(frozen=True)
class SampleFlags:
    """What `sample` draws."""

    out: str = option("samples.png", "A .png picture or an .npz of images.")
    count: int | None = option(
        None,
        "Images in all, 64 when not given. --layout=classes: as many a class as that "
        "gives each, ten when not given. --layout=interpolation: in rows of ten, each "
        "from a class to the next.",
        minimum=1,
    )
    label: tuple[int, ...] | None = option(
        None, "Class or comma list of classes; all of them when not given."
    )
    truncation: float = option(
        1.0,
        "Truncation in (0, 1]; in (0, 2] with --truncation_rule=scale, of an export as "
        "far as it goes.",
        maximum=2,
    )
    layout: str = option(
        "grid",
        "grid: random images; classes: a row a class; interpolation: a row from each "
        "of the classes to the next, and from latent to latent.",
        choices=("grid", "classes", "interpolation"),
    )
    export_dir: str = option("", "Sample from this export, not from --workdir.")
    step: str = option("last", "best, last, or the number of a kept checkpoint.")


@dataclasses.dataclass(frozen=True)
class EvaluateFlags:
    """What `evaluate` scores."""

    truncations: tuple[float, ...] = option(
        (1.0,),
        "Comma list of truncations to score, in (0, 1]; in (0, 2] with "
        "--truncation_rule=scale.",
    )
    num_samples: int = option(10_000, "Samples to score.", minimum=2)
    report: str = option("", "Write an HTML report to this path.")
    labels: str = option(
        "balanced",
        "Classes of the samples: balanced, every one as often as any other; data, as "
        "often as the real images have them.",
        choices=("balanced", "data"),
    )
    bn: str = option(
        "standing",
        "Batch norm statistics used while sampling.",
        choices=("standing", "moving", "batch"),
    )
    weights: str = option(
        "average",
        "Which of a workdir's generators: its averaged weights, or those trained.",
        choices=("average", "trained"),
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
    reference_images: int = option(
        0,
        "Compute the reference of at most so many real images, always the same, drawn "
        "at random; of all when 0. Scores of other references do not compare.",
        minimum=0,
    )
    results_dir: str = option("", "Where scores go; WORKDIR/evaluation when empty.")
    step: str = option("last", "best, last, or the number of a kept checkpoint.")


@dataclasses.dataclass(frozen=True)
class ExportFlags:
    """What `export` writes."""

    export_dir: str = option("", "Gets integer version folders.")
    step: str = option("last", "best, last, or the number of a kept checkpoint.")
    standing_truncations: tuple[float, ...] = option(
        (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0),
        "Rising comma list of truncations in (0, 1] at which standing statistics are "
        "computed; those between are interpolated. With --truncation_rule=scale it may "
        "go on to 2, and requests then up to its end.",
    )


@dataclasses.dataclass(frozen=True)
class TpuCheckFlags:
    """What `tpu_check` compiles for."""

    topology: str = option(
        "v5e:2x2", "A TPU generation and its slice, such as v3:2x2 or v5e:2x2."
    )
    replica_batch: int = option(16, "Batch of the one replica compiled.", minimum=2)


@dataclasses.dataclass(frozen=True)
class SampleConfig(Config):
    """What `sample` accepts."""

    sample: SampleFlags = SampleFlags()


@dataclasses.dataclass(frozen=True)
class EvaluateConfig(Config):
    """What `evaluate` accepts."""

    evaluate: EvaluateFlags = EvaluateFlags()


@dataclasses.dataclass(frozen=True)
class ExportConfig(Config):
    """What `export` accepts."""

    export: ExportFlags = ExportFlags()


@dataclasses.dataclass(frozen=True)
class TpuCheckConfig(Config):
    """What `tpu_check` accepts."""

    tpu_check: TpuCheckFlags = TpuCheckFlags()


TRAIN = Command("train", Config, has_plan=True)
PREPARE = Command("prepare", Config)
SAMPLE = Command("sample", SampleConfig, reads_workdir=True)
EVALUATE = Command("evaluate", EvaluateConfig, reads_workdir=True)
EXPORT = Command("export", ExportConfig, reads_workdir=True, has_plan=True)
TPU_CHECK = Command("tpu_check", TpuCheckConfig)
