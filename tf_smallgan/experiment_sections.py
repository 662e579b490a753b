"""The flags of the experiments' commands, and what those set other flags to."""

import dataclasses

from tf_smallgan.config_sections import option


@dataclasses.dataclass(frozen=True)
class MeasuredConfig:
    """What every experiment has; --workdir is where its results are and go."""

    quick: bool = option(
        False, "A short form that shows the way, into WORKDIR/quick; proves nothing."
    )
    seeds: int = option(5, "Runs of each arm, with seeds from --seed on.", minimum=1)


@dataclasses.dataclass(frozen=True)
class ExperimentConfig(MeasuredConfig):
    """Those whose runs may share the machine, since they are not timed."""

    processes: int = option(
        1, "Runs at a time, each a process with its share of the cores.", minimum=1
    )


@dataclasses.dataclass(frozen=True)
class GaussianGridConfig(ExperimentConfig):
    """What `experiments.gaussian_grid` runs."""

    modes: tuple[int, ...] = option(
        (64, 100), "Comma list of grids by their number of modes, squares."
    )
    arms: tuple[str, ...] = option((), "Comma list of arms; all of them when empty.")
    timing: bool = option(
        False, "Only measure seconds a step of each arm, side by side."
    )


@dataclasses.dataclass(frozen=True)
class BatchCostConfig(MeasuredConfig):
    """What `experiments.batch_cost` measures, one process at a time."""

    batch_sizes: tuple[int, ...] = option(
        (64, 128, 256, 512), "Comma list of batches; --batch_size is not read."
    )
    oversamples: tuple[int, ...] = option(
        (4, 8),
        "Comma list of large batches over the batch, of latents and data alike; every "
        "batch is measured without core-sets too.",
    )
    updates: int = option(50, "Training steps that are timed together.", minimum=1)


@dataclasses.dataclass(frozen=True)
class AnomalyDetectionConfig(ExperimentConfig):
    """What `experiments.anomaly_detection` runs."""

    anomalies: tuple[int, ...] = option(
        (), "Comma list of classes to leave out in turn; all of them when empty."
    )
    arms: tuple[str, ...] = option(("plain", "both", "balanced"), "Comma list of arms.")
    scored_epochs: int = option(
        10, "Score at the end of so many epochs, the last ones.", minimum=1
    )


@dataclasses.dataclass(frozen=True)
class ImageQualityConfig(ExperimentConfig):
    """What `experiments.image_quality` runs."""

    seeds: int = option(2, "Runs of each arm, with seeds from --seed on.", minimum=1)
    arms: tuple[str, ...] = option(
        (),
        "Comma list of arms: plain, k_center_4x, k_center_8x, balanced_4x, "
        "balanced_8x and plain_4b, which are all when empty, or gaussian_grid's, such "
        "as prior and data.",
    )
    runs_dir: str = option(
        "runs/image_quality", "Folder of the runs, each an ordinary workdir."
    )
    score_inception: bool = option(
        False,
        "Only score the best and last checkpoints with --inception_weights: FID.",
    )
    fid_every_steps: int = option(
        0,
        "Score kept checkpoints of steps divisible by this too (see "
        "--keep_every_steps).",
        minimum=0,
    )
    latent_scales: tuple[float, ...] = option(
        (),
        "Only score the last checkpoints, sampled from the prior itself times each of "
        "these (--truncation_rule=scale), in the classifier's features; with "
        "--score_inception in Inception's, and no other checkpoints.",
    )
    fid_samples: int = option(5000, "Samples of an FID.", minimum=2)
    fid_reference_images: int = option(
        10_000, "Real images of an FID, at most; all when 0.", minimum=0
    )


@dataclasses.dataclass(frozen=True)
class BigganEffectsConfig(ExperimentConfig):
    """What `experiments.biggan_effects` runs."""

    variants: tuple[str, ...] = option(
        (), "Comma list of variants; all of them when empty."
    )
    runs_dir: str = option(
        "runs/biggan_effects", "Folder of the runs, each an ordinary workdir."
    )
    num_samples: int = option(2000, "Samples of a score.", minimum=2)
    margin: float = option(
        0.02,
        "Truncation 0.5 keeps a run sane if its conditional accuracy is at most so "
        "much under that at truncation 1.",
        minimum=0,
    )
    timing: bool = option(
        False, "Only measure seconds a step of each variant, side by side."
    )


EXPERIMENT_SECTIONS: dict[str, type] = {
    "gaussian_grid": GaussianGridConfig,
    "batch_cost": BatchCostConfig,
    "anomaly_detection": AnomalyDetectionConfig,
    "image_quality": ImageQualityConfig,
    "biggan_effects": BigganEffectsConfig,
}

# What an experiment sets the common flags to; flags given to the command override it.
PRESETS: dict[str, tuple[str, ...]] = {
    "gaussian_grid": (
        "--batch_size=64",
        "--train_steps=20000",
        "--discriminator_steps=1",
        "--latent_dim=2",
        "--latent_distribution=uniform",
        "--generator_lr=2e-4",
        "--discriminator_lr=5e-4",
        "--adam_beta1=0.5",
        "--adam_beta2=0.99",
        "--ema_decay=0.999",
        "--r1_penalty=0.01",
    ),
    "batch_cost": (
        "--dataset=digits",
        "--resolution=32",
        "--channel_multiplier=8",
        "--discriminator_steps=2",
        "--embedder=pixels",
        "--cache_seed=0",
        "--seeds=1",
        "--coreset_method=k_center",
    ),
    "anomaly_detection": (
        "--dataset=digits",
        "--resolution=28",
        "--latent_dim=128",
        "--batch_size=64",
        "--train_steps=12700",
        "--discriminator_steps=1",
        "--generator_lr=1e-4",
        "--discriminator_lr=1e-4",
        "--adam_beta1=0.5",
        "--adam_beta2=0.9",
        "--r1_penalty=200",
        "--seeds=3",
    ),
    "image_quality": (
        "--dataset=mnist",
        "--channel_multiplier=8",
        "--latent_dim=64",
        "--batch_size=32",
        "--embedder=classifier",
        "--cache_seed=0",
        "--train_steps=12000",
        "--generator_lr=2e-4",
        "--discriminator_lr=4e-4",
        "--ema_decay=0.999",
        "--ema_start_step=200",
        "--checkpoint_every_steps=200",
        "--keep_every_steps=1000",
        "--log_every_steps=50",
        "--sample_every_steps=1000",
        "--eval_every_steps=200",
        "--eval_samples=2000",
        "--standing_batches=20",
    ),
    # As configs/digits.cfg, but for the paper's core-sets; runs are scored in the end.
    "biggan_effects": (
        "--dataset=digits",
        "--channel_multiplier=8",
        "--latent_dim=32",
        "--batch_size=32",
        "--embedder=classifier",
        "--cache_seed=0",
        "--train_steps=1200",
        "--generator_lr=4e-4",
        "--discriminator_lr=8e-4",
        "--ema_decay=0.995",
        "--checkpoint_every_steps=400",
        "--log_every_steps=50",
        "--sample_every_steps=400",
        "--coreset_method=k_center",
    ),
}
