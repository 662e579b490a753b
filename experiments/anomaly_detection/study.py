"""What `experiments.anomaly_detection` runs: its arms, jobs and settings."""

from typing import Any

from experiments.anomaly_detection.flags import AnomalyDetectionConfig
from experiments.common.jobs import ArmJob, arm_jobs
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError

NAME = "anomaly_detection"


# What a row is of; a run of other settings is another row.
SETTINGS = (
    "dataset",
    "split",
    "resolution",
    "image_channels",
    "train_steps",
    "scored_epochs",
    "batch_size",
    "latent_dim",
    "latent_distribution",
    "discriminator_steps",
    "generator_lr",
    "discriminator_lr",
    "adam_beta1",
    "adam_beta2",
    "r1_penalty",
    "embedding_dim",
)


KEY = ("anomaly", "arm", "seed", *SETTINGS)


QUICK_ANOMALIES, QUICK_STEPS, QUICK_EPOCHS = (1, 9), 300, 3


def quick(config: AnomalyDetectionConfig) -> AnomalyDetectionConfig:
    """The short form where it is asked for."""
    if not config.anomaly_detection.quick:
        return config
    return config_lib.replace(
        config,
        anomalies=QUICK_ANOMALIES,
        train_steps=QUICK_STEPS,
        scored_epochs=QUICK_EPOCHS,
        seeds=1,
    )


def all_jobs(config: AnomalyDetectionConfig) -> list[ArmJob]:
    """Every run (see `arm_jobs`).

    Raises:
      InputError: the data set has no classes, or not this one.
    """
    options, classes = config.anomaly_detection, config.data.num_classes
    if not classes:
        raise InputError(
            f"--dataset={config.data.dataset} has no classes to leave out; choose one "
            "that has, such as mnist."
        )
    anomalies = options.anomalies or tuple(range(classes))
    for anomaly in anomalies:
        if not 0 <= anomaly < classes:
            raise InputError(
                f"--anomalies has {anomaly}, which is no class of "
                f"--dataset={config.data.dataset}; give numbers from 0 to "
                f"{classes - 1}."
            )
    return arm_jobs(config, "anomaly", anomalies, options.arms, options.seeds, SETTINGS)


def one(job: ArmJob) -> list[dict[str, Any]]:
    """A run's rows: what was scored at the end of each of its last epochs."""
    import time

    from experiments.anomaly_detection import data as anomaly_data
    from experiments.anomaly_detection import run as anomaly_run
    from experiments.common.arms import ARMS

    config = ARMS[job.arm].configure(job.config)
    data = anomaly_data.load(config, job.value)
    start = time.perf_counter()
    rows = []
    for epoch, step, scores in anomaly_run.train(config, data):
        rows.append(
            job.key
            | {"epoch": epoch, "step": step}
            | {name: round(value, 5) for name, value in scores.items()}
            | {"seconds": round(time.perf_counter() - start, 1)}
        )
    return rows
