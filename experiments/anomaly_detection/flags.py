"""The flags of `experiments.anomaly_detection`, and its defaults of others."""

import dataclasses

from experiments.common.flags import ExperimentFlags
from tf_smallgan.config.flags import Config, option
from tf_smallgan.config.parsing import Command


@dataclasses.dataclass(frozen=True)
class AnomalyDetectionFlags(ExperimentFlags):
    """What `experiments.anomaly_detection` runs."""

    anomalies: tuple[int, ...] = option(
        (), "Comma list of classes to leave out in turn; all of them when empty."
    )
    arms: tuple[str, ...] = option(("plain", "both", "balanced"), "Comma list of arms.")
    scored_epochs: int = option(
        10, "Score at the end of so many epochs, the last ones.", minimum=1
    )


@dataclasses.dataclass(frozen=True)
class AnomalyDetectionConfig(Config):
    """What `experiments.anomaly_detection` accepts."""

    anomaly_detection: AnomalyDetectionFlags = AnomalyDetectionFlags()


COMMAND = Command(
    "anomaly_detection",
    AnomalyDetectionConfig,
    preset=(
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
)
