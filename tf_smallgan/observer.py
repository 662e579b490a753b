"""How draws are made, and what is logged of them: cover, and which images were seen."""

from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan import coreset, settings
from tf_smallgan.config import Config
from tf_smallgan.data.batches import BatchPlan, large_batch_radius
from tf_smallgan.data.seen import SeenRecords
from tf_smallgan.errors import InputError
from tf_smallgan.preparation import TrainingData
from tf_smallgan.training.cluster import Cluster
from tf_smallgan.training.prior import Prior


def batch_plan(config: Config, replicas: int) -> BatchPlan:
    """How the data side draws its batches."""
    data, chosen = config.data, config.coreset
    return BatchPlan(
        seed=config.run.seed,
        batch_size=config.training.batch_size,
        num_replicas=replicas,
        discriminator_steps=config.training.discriminator_steps,
        oversample=chosen.data_oversample,
        method=chosen.coreset_method,
        scope=chosen.coreset_scope,
        weights=chosen.coreset_weights,
        per_class_balance=chosen.coreset_class_balance,
        resolution=data.resolution,
        channels=data.image_channels or 3,
        random_flip=bool(data.random_flip),
    )


def check_rules(config: Config, replicas: int) -> None:
    """Refuses rules of selection that do not go together, before any data is read.

    Raises:
      InputError: as `BatchPlan.check_rules`, or weights are asked for and each rule's
        are 1.
    """
    batch_plan(config, replicas).check_rules()
    chosen = config.coreset
    rules = {
        rule
        for rule, times in (
            (chosen.coreset_method, chosen.data_oversample),
            (chosen.prior_method, chosen.prior_oversample),
        )
        if times > 1
    }
    if chosen.coreset_weights and rules and rules <= set(coreset.UNBIASED):
        raise InputError(
            f"--coreset_weights: the weights of {' and '.join(sorted(rules))} are all "
            "1. Leave it out, or give --coreset_method=k_center or another rule."
        )


def make_prior(config: Config) -> Prior:
    """How the prior side draws its batches."""
    spec = settings.model_spec(config)
    chosen = config.coreset
    return Prior(
        distribution=spec.latent_distribution,
        latent_dim=spec.latent_dim,
        num_classes=spec.num_classes,
        oversample=chosen.prior_oversample,
        method=chosen.prior_method,
        scope=chosen.coreset_scope,
        weighted=chosen.coreset_weights,
        seed=config.run.seed,
    )


class CoresetObserver:
    """Follows what the core-sets choose.

    Attributes:
      seen: a bit for each image that was ever trained on, part of the checkpoint. A
        worker marks what its own replicas train on; `join` gives each all of them.
    """

    def __init__(
        self, config: Config, data: TrainingData, strategy: tf.distribute.Strategy
    ):
        self._plan = batch_plan(config, strategy.num_replicas_in_sync)
        self._prior = make_prior(config)
        self._data, self._strategy = data, strategy
        self._cluster = data.cluster
        self.seen = SeenImages(data.table.identity_ranks(), data.table.identity_hash)

    def observe(self, batch: dict[str, Any]) -> None:
        """Marks the images of a distributed batch."""
        for index in self._strategy.experimental_local_results(batch["index"]):
            self.seen.add(index.numpy())

    def join(self) -> None:
        """Gives every worker the marks of all; all must call it."""
        self.seen.join(self._cluster)

    def report(self, step: int) -> dict[str, float]:
        """Share of images seen, and the radius of each core-set that is on."""
        self.join()
        values: dict[str, Any] = {"images_seen_share": self.seen.share}
        plan = self._plan
        if self._prior.oversample > 1:
            report = self._prior.radius(
                step, plan.replica_batch_size, plan.num_replicas
            )
            values |= {f"prior_coreset/{k}": v for k, v in report.items()}
        if self._data.embeddings is not None:
            report = large_batch_radius(
                plan, self._data.table, self._data.embeddings, step
            )
            values |= {f"data_coreset/{k}": v for k, v in report.items()}
        return {name: float(value) for name, value in values.items()}


class SeenImages(tf.train.experimental.PythonState):
    """A bit for each image, kept in checkpoints.

    Args:
      ranks: [N], of each record a place that it keeps when records are renumbered.
      identity: hexadecimal, tells the data set from others.
    """

    def __init__(self, ranks: np.ndarray, identity: str):
        self._ranks = ranks
        self._records = SeenRecords(len(ranks))
        self._identity = bytes.fromhex(identity)

    def add(self, numbers: np.ndarray) -> None:
        """Marks record numbers of any shape."""
        self._records.add(self._ranks[numbers])

    def join(self, cluster: Cluster) -> None:
        """Marks what any worker marked; all must call it."""
        packed = self._records.to_bytes()
        padded = packed + bytes(-len(packed) % 8)
        of_all = np.bitwise_or.reduce(cluster.gather(np.frombuffer(padded, np.int64)))
        self._records.restore(of_all.tobytes()[: len(packed)])

    @property
    def share(self) -> float:
        """Images seen over all images."""
        return self._records.fraction

    def serialize(self) -> bytes:
        """For the checkpoint."""
        return self._identity + self._records.to_bytes()

    def deserialize(self, value: bytes) -> None:
        """From the checkpoint.

        Raises:
          InputError: it is of other data.
        """
        size = len(self._identity)
        if value[:size] != self._identity:
            raise InputError(
                "The run was trained on other data than the data set holds now: images "
                "were added, removed or changed, or have other labels. Put the data "
                "back, or choose another --workdir to start afresh."
            )
        self._records.restore(value[size:])
