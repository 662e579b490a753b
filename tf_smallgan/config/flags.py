"""The flags of a run, section by section.

Each field is a flag; its name, type, default and help come from there. `parsing.py`
reads them. `None` means "follows from the data set or the architecture", and
`defaults.py` fills it in. Flags of single commands are in `commands.py`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any


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
class RunFlags:
    """Where a run lives and what it runs on."""

    workdir: str = option(
        "", "The run's folder: checkpoints, samples, logs and flags.cfg."
    )
    strategy: str = option(
        "auto",
        "How training is distributed; auto takes what is there and says which.",
        choices=("auto", "one_device", "mirrored", "multi_worker", "tpu"),
    )
    tpu: str = option(
        "",
        "Name or address of the TPU, 'local' on its own host; when empty, that of the "
        "environment variable TPU_NAME, else local.",
    )
    logical_cpus: int = option(
        1, "Splits one CPU into this many devices, to try `mirrored`.", minimum=1
    )
    seed: int = option(
        0, "Everything random follows from it.", minimum=0, maximum=2**32 - 1
    )
    deterministic: bool = option(
        False, "Op determinism, for bit-exact repeats; may be slower."
    )
    dry_run: bool = option(
        False,
        "train: print the plan and stop, without data; export: only say what is due.",
    )


@dataclasses.dataclass(frozen=True)
class DataFlags:
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


_METHODS = ("k_center", "stratified", "balanced", "d_squared", "robust", "uniform")


@dataclasses.dataclass(frozen=True)
class CoresetFlags:
    """Small-GAN: how a batch is chosen out of a larger one."""

    prior_oversample: int = option(
        4, "Large batch of latents over the batch; 1 turns it off.", minimum=1
    )
    data_oversample: int = option(
        4, "Large batch of data over the batch; 1 turns it off.", minimum=1
    )
    coreset_method: str = option(
        "balanced",
        "Selection rule; k_center, the paper's, favours outliers, balanced favours "
        "nothing (docs/coresets.md).",
        choices=_METHODS,
    )
    prior_coreset_method: str | None = option(
        None,
        "Selection rule of latents, --coreset_method when not given.",
        choices=_METHODS,
    )
    coreset_scope: str = option(
        "replica",
        "Select in each replica's own large batch, or in the global one.",
        choices=("replica", "global"),
    )
    coreset_class_balance: bool = option(
        False,
        "Give each class its share of the large batch of data, with "
        "--coreset_method=k_center, which by itself draws remote classes more often.",
    )
    coreset_weights: bool = option(
        False,
        "Weight each chosen point by its share of the large batch; those of balanced "
        "and uniform are 1.",
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
    cache_seed: int | None = option(
        None,
        "Seed of the classifier and of the projection, --seed when not given; with "
        "the same one, runs of several seeds share --cache_dir and are scored alike.",
        minimum=0,
        maximum=2**32 - 1,
    )

    @property
    def prior_method(self) -> str:
        """The selection rule of latents."""
        return self.prior_coreset_method or self.coreset_method


@dataclasses.dataclass(frozen=True)
class ModelFlags:
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
class TrainingFlags:
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
    r1_penalty: float = option(
        0.0,
        "Weight of R1, half of D's squared gradient at the real images; helps small "
        "data sets and narrow networks, costs a second backward pass of D.",
        minimum=0,
    )
    microbatches: int = option(
        1,
        "Accumulate gradients over this many parts of each replica's batch: less "
        "memory; batch norm's statistics are those of a part.",
        minimum=1,
    )


@dataclasses.dataclass(frozen=True)
class ScheduleFlags:
    """How often things are written; 0 turns one off."""

    checkpoint_every_steps: int = option(500, "Checkpoint interval.", minimum=0)
    log_every_steps: int = option(50, "Progress and metrics interval.", minimum=0)
    sample_every_steps: int = option(500, "Sample grid interval.", minimum=0)
    eval_every_steps: int = option(0, "Evaluation interval.", minimum=0)
    eval_samples: int = option(1000, "Samples of an evaluation.", minimum=2)
    eval_reference_images: int = option(
        0,
        "Real images, always the same, that an evaluation's samples are held against; "
        "all of them when 0, which are embedded once, at the first evaluation.",
        minimum=0,
    )
    keep_checkpoints: int = option(3, "Newest checkpoints kept.", minimum=1)
    keep_every_steps: int = option(
        0,
        "Checkpoints of steps divisible by this are never removed, to be scored or "
        "gone back to; a multiple of --checkpoint_every_steps.",
        minimum=0,
    )
    on_collapse: str = option(
        "stop", "What to do when training collapses.", choices=("stop", "rollback")
    )
    max_rollbacks: int = option(
        3, "With --on_collapse=rollback, stop at the collapse after so many.", minimum=1
    )


@dataclasses.dataclass(frozen=True)
class SamplingFlags:
    """How latents are truncated and batch norm is set for sampling."""

    truncation_rule: str = option(
        "hub",
        "hub: truncation times a normal cut at 2; threshold: the paper's, cut at "
        "the truncation; scale: truncation times the prior that G is trained on.",
        choices=("hub", "threshold", "scale"),
    )
    standing_batches: int = option(
        100, "Forward passes for standing batch norm statistics.", minimum=1
    )


@dataclasses.dataclass(frozen=True)
class ImportedModel:
    """What an imported model brings and no flag sets; kept in WORKDIR/model.json.

    Attributes:
      batch_norm_epsilon: added to the variances of batch norm.
      class_embedding_dim: size of the shared class embedding.
      lean_to_image: whether BigGAN-deep's last convolution has only the image's
        channels.
      spectral_norm: whether kernels are divided by their norm; imported kernels
        already are.
      statistics_truncations: truncations at which the generator brings standing
        statistics of its own.
    """

    batch_norm_epsilon: float = 1e-5
    class_embedding_dim: int = 128
    lean_to_image: bool = False
    spectral_norm: bool = True
    statistics_truncations: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Config:
    """All that shapes a run. A command may add a section of its own by a subclass."""

    run: RunFlags = RunFlags()
    data: DataFlags = DataFlags()
    coreset: CoresetFlags = CoresetFlags()
    model: ModelFlags = ModelFlags()
    training: TrainingFlags = TrainingFlags()
    schedule: ScheduleFlags = ScheduleFlags()
    sampling: SamplingFlags = SamplingFlags()
    imported: ImportedModel = dataclasses.field(
        default=ImportedModel(), metadata={"flags": False}
    )
