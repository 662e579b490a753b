"""The flags of `experiments.gaussian_grid`, and its defaults of others."""

import dataclasses

from experiments.common.flags import ExperimentFlags
from tf_smallgan.config.flags import Config, option
from tf_smallgan.config.parsing import Command


@dataclasses.dataclass(frozen=True)
class GaussianGridFlags(ExperimentFlags):
    """What `experiments.gaussian_grid` runs."""

    modes: tuple[int, ...] = option(
        (64, 100), "Comma list of grids by their number of modes, squares."
    )
    arms: tuple[str, ...] = option((), "Comma list of arms; all of them when empty.")
    timing: bool = option(
        False, "Only measure seconds a step of each arm, side by side."
    )


@dataclasses.dataclass(frozen=True)
class GaussianGridConfig(Config):
    """What `experiments.gaussian_grid` accepts."""

    gaussian_grid: GaussianGridFlags = GaussianGridFlags()


COMMAND = Command(
    "gaussian_grid",
    GaussianGridConfig,
    preset=(
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
)
