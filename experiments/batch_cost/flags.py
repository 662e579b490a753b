"""The flags of `experiments.batch_cost`, and its defaults of others."""

import dataclasses

from experiments.common.flags import MeasuredFlags
from tf_smallgan.config.flags import Config, option
from tf_smallgan.config.parsing import Command


@dataclasses.dataclass(frozen=True)
class BatchCostFlags(MeasuredFlags):
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
class BatchCostConfig(Config):
    """What `experiments.batch_cost` accepts."""

    batch_cost: BatchCostFlags = BatchCostFlags()


COMMAND = Command(
    "batch_cost",
    BatchCostConfig,
    preset=(
        "--dataset=digits",
        "--resolution=32",
        "--channel_multiplier=8",
        "--discriminator_steps=2",
        "--embedder=pixels",
        "--cache_seed=0",
        "--seeds=1",
        "--coreset_method=k_center",
    ),
)
