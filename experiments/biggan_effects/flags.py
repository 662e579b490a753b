"""The flags of `experiments.biggan_effects`, and its defaults of others."""

import dataclasses

from experiments.common.flags import ExperimentFlags
from tf_smallgan.config.flags import Config, option
from tf_smallgan.config.parsing import Command


@dataclasses.dataclass(frozen=True)
class BigganEffectsFlags(ExperimentFlags):
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


@dataclasses.dataclass(frozen=True)
class BigganEffectsConfig(Config):
    """What `experiments.biggan_effects` accepts."""

    biggan_effects: BigganEffectsFlags = BigganEffectsFlags()


COMMAND = Command(
    "biggan_effects",
    BigganEffectsConfig,
    preset=(
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
)
