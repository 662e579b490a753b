"""Small-GAN's prior side: training latents are a core-set of a large batch of latents.

Section 4.1 of the paper: draw `oversample` times as many latents as needed from the
prior and keep those that cover the large batch.
"""

import dataclasses
from typing import TypeAlias

import tensorflow as tf

from tf_smallgan import coreset, randomness
from tf_smallgan.models.latents import sample_prior
from tf_smallgan.randomness import Purpose

Counter: TypeAlias = int | tf.Tensor


@dataclasses.dataclass(frozen=True)
class LatentBatch:
    """The generator's input: latents [B, Z], labels [B] or None, weights [B] (mean 1).

    Labels are uniform and independent of the selection.
    """

    latents: tf.Tensor
    labels: tf.Tensor | None
    weights: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Prior:
    """Draws latent batches.

    Attributes:
      distribution: "normal", "uniform" or "truncated_normal".
      latent_dim: Z.
      num_classes: K, 0 for an unconditional generator.
      oversample: size of the large batch over that of the batch; 1 disables selection.
      method: a key of `coreset.METHODS`.
      scope: "replica" or "global", see `coreset.scope`.
      weighted: whether each latent is weighted by its share of the large batch.
      seed: the run's seed.
    """

    distribution: str
    latent_dim: int
    num_classes: int
    oversample: int
    method: str
    scope: str
    weighted: bool
    seed: int

    def draw(
        self, step: tf.Tensor, micro: int, batch: int, replica: Counter, replicas: int
    ) -> LatentBatch:
        """The latents of one update on one replica.

        Args:
          step: scalar, the training step.
          micro: number of the update within the step.
          batch: B, the replica's batch size.
          replica: the replica's number.
          replicas: number of replicas.
        """

        def select(size: int, *own: Counter) -> tuple[tf.Tensor, tf.Tensor]:
            return self._select(size, (step, micro, *own))

        ((latents, weights),) = coreset.select_in_scope(
            self._scope, select, batch, [replica], replicas
        )
        labels = None
        if self.num_classes:
            seed = randomness.stream(self.seed, Purpose.LABELS, step, micro)
            every = randomness.integers([batch * replicas], seed, self.num_classes)
            labels = coreset.shard(every, replica, replicas)
        return LatentBatch(latents, labels, weights)

    def radius(self, step: int, batch: int, replicas: int) -> dict[str, tf.Tensor]:
        """How well the core-set of a step's first draw covers its large batch.

        Args:
          step: the training step.
          batch: B, the batch size of one replica; reported is replica 0.
          replicas: number of replicas.

        Returns:
          The scalars of `coreset.radius_report`.
        """
        size, own = coreset.selection_of(self._scope, batch, 0, replicas)
        counters = (step, 0, *own)
        large = self._large(size, counters)
        seed = self._selection_seed(counters)
        chosen = coreset.select(self.method, large, size, seed)
        return coreset.radius_report(large, chosen, randomness.fold_in(seed, 1))

    @property
    def _scope(self) -> str:
        # Without selection every scope is one batch that replicas share, so that the
        # number of replicas does not change the latents.
        return "global" if self.oversample == 1 else self.scope

    def _select(
        self, size: int, counters: tuple[Counter, ...]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """`size` latents [size, Z] and their weights [size]."""
        large = self._large(size, counters)
        if self.oversample == 1:
            return large, tf.ones([size])
        seed = self._selection_seed(counters)
        layer = coreset.CoresetSelection(size, self.method, weights=self.weighted)
        chosen = layer(large, seed=seed)
        return chosen if self.weighted else (chosen, tf.ones([size]))

    def _large(self, size: int, counters: tuple[Counter, ...]) -> tf.Tensor:
        """The large batch [size * oversample, Z] that `size` latents come from."""
        return sample_prior(
            self.distribution,
            [size * self.oversample, self.latent_dim],
            randomness.stream(self.seed, Purpose.LATENTS, *counters),
        )

    def _selection_seed(self, counters: tuple[Counter, ...]) -> tf.Tensor:
        return randomness.stream(self.seed, Purpose.LATENT_SELECTION, *counters)
