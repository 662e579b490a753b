"""Small-GAN's prior side: a core-set of a large batch of latents."""

import dataclasses

import tensorflow as tf

from tf_smallgan.coreset import CoresetSelection, deal, radius_report, select
from tf_smallgan.models.latents import sample_prior
from tf_smallgan.randomness import Purpose, stream


@dataclasses.dataclass(frozen=True)
class LatentBatch:
    """What G is fed: latents [B, Z], labels [B] or None, weights [B] (mean 1)."""

    latents: tf.Tensor
    labels: tf.Tensor | None
    weights: tf.Tensor


class Prior:
    """Draws latent batches, the core-set of `oversample` times as many.

    Under scope "global" every replica draws the same global large batch, makes the
    same selection and takes every R-th of the chosen: an exact global core-set
    without communication. Under "replica" each selects in a large batch of its own.
    Fake labels are uniform and do not depend on the selection.

    Args:
      distribution: "normal", "uniform" or "truncated_normal".
      latent_dim: Z.
      num_classes: K, 0 for none.
      oversample: the large batch over the batch; 1 turns the core-set off.
      method: a name of `coreset.METHODS`.
      scope: "replica" or "global".
      weighted: weight each latent by its share of the large batch.
      seed: the run's.
    """

    def __init__(
        self,
        *,
        distribution: str,
        latent_dim: int,
        num_classes: int,
        oversample: int,
        method: str,
        scope: str,
        weighted: bool,
        seed: int,
    ):
        self.distribution, self.latent_dim = distribution, latent_dim
        self.num_classes, self.oversample = num_classes, oversample
        self.method, self.scope = method, scope
        self.weighted, self.seed = weighted, seed

    def draw(
        self, step: tf.Tensor, micro: int, batch: int, replica, replicas: int
    ) -> LatentBatch:
        """The latents of one update on one replica.

        Args:
          step: scalar, the training step.
          micro: which update of the step.
          batch: B of this replica.
          replica: this replica's number, integer or scalar tensor.
          replicas: how many there are.
        """
        if self.scope == "global" or self.oversample == 1:
            latents, weights = self._select(batch * replicas, (step, micro))
            latents = deal(latents, replica, replicas)
            weights = deal(weights, replica, replicas)
        else:
            latents, weights = self._select(batch, (step, micro, replica))
        labels = None
        if self.num_classes:
            seed = stream(self.seed, Purpose.LABELS, step, micro)
            every = tf.random.stateless_uniform(
                [batch * replicas], seed, 0, self.num_classes, tf.int32
            )
            labels = deal(every, replica, replicas)
        return LatentBatch(latents, labels, weights)

    def radius(self, step: int, batch: int, replicas: int) -> dict[str, tf.Tensor]:
        """How well the core-set of a step's first draw covers, on one replica.

        Args:
          step, batch, replicas: as for `draw`.

        Returns:
          `coreset.radius_report`'s scalars.
        """
        shared = self.scope == "global"
        counters = (step, 0) if shared else (step, 0, 0)
        count = batch * replicas if shared else batch
        large = self._large(count, counters)
        chosen = select(self.method, large, count, self._selection_seed(counters))
        return radius_report(large, chosen, self._selection_seed((*counters, 1)))

    def _large(self, count: int, counters) -> tf.Tensor:
        """The large batch [count * oversample, Z] that `count` are chosen from."""
        return sample_prior(
            self.distribution,
            [count * self.oversample, self.latent_dim],
            stream(self.seed, Purpose.LATENTS, *counters),
        )

    def _selection_seed(self, counters) -> tf.Tensor:
        return stream(self.seed, Purpose.LATENT_SELECTION, *counters)

    def _select(self, count: int, counters) -> tuple[tf.Tensor, tf.Tensor]:
        """`count` latents [count, Z] and their weights [count]."""
        large = self._large(count, counters)
        if self.oversample == 1:
            return large, tf.ones([count])
        layer = CoresetSelection(count, method=self.method, weights=self.weighted)
        chosen = layer(large, seed=self._selection_seed(counters))
        return chosen if self.weighted else (chosen, tf.ones([count]))
