"""The flags of `experiments.image_quality`, and its defaults of others."""

import dataclasses

from experiments.common.flags import ExperimentFlags
from tf_smallgan.config.flags import Config, option
from tf_smallgan.config.parsing import Command


@dataclasses.dataclass(frozen=True)
class ImageQualityFlags(ExperimentFlags):
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
class ImageQualityConfig(Config):
    """What `experiments.image_quality` accepts."""

    image_quality: ImageQualityFlags = ImageQualityFlags()


COMMAND = Command(
    "image_quality",
    ImageQualityConfig,
    preset=(
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
)
