"""What `experiments.batch_cost` runs: its arms, jobs and settings."""

import dataclasses
import os
import tempfile
import time
from typing import Any

from experiments.batch_cost.flags import BatchCostConfig
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError

NAME = "batch_cost"


# What a row is of; a row of other settings is another row.
SETTINGS = (
    "dataset",
    "architecture",
    "resolution",
    "image_channels",
    "conditional",
    "channel_multiplier",
    "latent_dim",
    "attention_resolutions",
    "shared_embedding",
    "skip_latents",
    "fused_resampling",
    "precision",
    "discriminator_steps",
    "r1_penalty",
    "microbatches",
    "remat",
    "coreset_method",
    "prior_coreset_method",
    "coreset_weights",
    "coreset_class_balance",
    "embedder",
    "embedding_dim",
    "strategy",
    "logical_cpus",
)


KEY = ("batch_size", "oversample", "seed", "updates", "cores", *SETTINGS)


QUICK_BATCHES, QUICK_OVERSAMPLES, QUICK_UPDATES = (8, 32), (4,), 5


@dataclasses.dataclass(frozen=True)
class Job:
    """One measurement.

    Attributes:
      config: completed; its batch and core-sets are those of the job.
      updates: training steps that are timed.
    """

    config: BatchCostConfig
    updates: int

    def __str__(self) -> str:
        return f"batch {self.batch_size}, {_words(self.oversample)}"

    @property
    def batch_size(self) -> int:
        """B."""
        return self.config.training.batch_size

    @property
    def oversample(self) -> int:
        """The large batch over the batch; 1 without core-sets."""
        return self.config.coreset.data_oversample

    @property
    def key(self) -> dict[str, Any]:
        """The columns that tell this row from others."""
        return {
            "batch_size": self.batch_size,
            "oversample": self.oversample,
            "seed": self.config.run.seed,
            "updates": self.updates,
        } | settings_of(self.config)


def _words(oversample: int) -> str:
    return "plain" if oversample == 1 else f"core-sets of {oversample}x"


def settings_of(config: BatchCostConfig) -> dict[str, Any]:
    """What all rows of a table have in common, by column."""
    from experiments.common.results import flag_values

    return {"cores": os.cpu_count()} | flag_values(config, SETTINGS)


def _measure_all(work: list[Job], table: Any) -> None:
    """Adds the row of each job as soon as it is measured."""
    from experiments.batch_cost import worker
    from experiments.common.fresh_process import in_fresh_process

    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="batch_cost-") as cache:
        # Apart, so that embedding is not in what training is measured to need.
        in_fresh_process(worker.fill_cache, "the embedding", work[0].config, cache)
        for number, job in enumerate(work, 1):
            measured = in_fresh_process(
                worker.measure, str(job), job.config, cache, job.updates
            )
            table.add([job.key | measured])
            print(
                f"{number} of {len(work)} after "
                f"{(time.monotonic() - started) / 60:.1f} min: {job}: {measured}",
                flush=True,
            )


def quick(config: BatchCostConfig) -> BatchCostConfig:
    """The short form where it is asked for."""
    if not config.batch_cost.quick:
        return config
    return config_lib.replace(
        config,
        batch_sizes=QUICK_BATCHES,
        oversamples=QUICK_OVERSAMPLES,
        updates=QUICK_UPDATES,
        channel_multiplier=2,
        discriminator_steps=1,
    )


def all_jobs(config: BatchCostConfig) -> list[Job]:
    """Every measurement, seed by seed, the small batches first.

    Raises:
      InputError: a batch or an oversampling is too small.
    """
    options = config.batch_cost
    for name, least in (("batch_sizes", 2), ("oversamples", 2)):
        values = getattr(options, name)
        if not values or min(values) < least:
            raise InputError(
                f"--{name}={','.join(map(str, values))} must list numbers of at least "
                f"{least}; give for example --{name}={least},{2 * least}."
            )
    first = config.run.seed
    return [
        Job(
            config_lib.replace(
                config,
                seed=seed,
                batch_size=batch,
                prior_oversample=oversample,
                data_oversample=oversample,
            ),
            options.updates,
        )
        for seed in range(first, first + options.seeds)
        for batch in sorted(set(options.batch_sizes))
        for oversample in (1, *sorted(set(options.oversamples)))
    ]
