"""Draws images from a trained generator at a truncation."""

import keras
import numpy as np
import tensorflow as tf

from tf_smallgan import randomness
from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.config.checks import check_truncation
from tf_smallgan.distribution.replicas import padded
from tf_smallgan.errors import InputError
from tf_smallgan.models.latents import sample_truncated
from tf_smallgan.models.spectral_norm import converge
from tf_smallgan.randomness import Purpose
from tf_smallgan.sampling import standing


def to_uint8(images: tf.Tensor) -> tf.Tensor:
    """Images in [-1, 1] to uint8, rounded and saturated."""
    return tf.saturate_cast(tf.round((images + 1.0) * 127.5), tf.uint8)


class Sampler:
    """A generator ready to be sampled from; call `refresh` when weights changed.

    Args:
      generator: with the weights to sample; its spectral norm vectors and moving
        statistics are overwritten.
      spec: what it was built from.
      rule: truncation rule of `models.latents`.
      truncation: in (0, 1], under the rule "scale" in (0, 2].
      batch_size: images a forward pass.
      seed: everything drawn follows from it.
      bn: "standing" (from the generator's own table where it has one, else gathered),
        "moving" (as training left them) or "batch".
      standing_batches: forward passes for standing statistics.
    """

    def __init__(
        self,
        generator: keras.Model,
        spec: ModelSpec,
        *,
        rule: str = "hub",
        truncation: float = 1.0,
        batch_size: int = 64,
        seed: int = 0,
        bn: str = "standing",
        standing_batches: int = 100,
    ):
        check_truncation(truncation, rule=rule)
        self.generator, self.spec = generator, spec
        self.rule, self.truncation = rule, truncation
        self.batch_size, self.seed = batch_size, seed
        self._has_table = bn == "standing" and standing.has_table(generator)
        if self._has_table and truncation > 1:
            raise InputError(
                f"Truncation {truncation:g}: this generator brings its batch norm "
                "statistics, which end at truncation 1; give at most 1."
            )
        gathers = bn == "standing" and not self._has_table
        self._standing_batches = standing_batches if gathers else 0
        self._gatherer = standing.StatisticsGatherer(generator)
        self._forward = tf.function(
            lambda z, embedding: to_uint8(
                generator(z, class_embedding=embedding, batch_statistics=bn == "batch")
            ),
            autograph=False,
        )
        self.refresh()

    def refresh(self) -> None:
        """Fits spectral norm and standing statistics to the generator's weights."""
        converge(self.generator)
        if self._has_table:
            standing.use_table(self.generator, self.truncation)
        if self._standing_batches:
            pooled = self._gatherer.gather(self._standing_draw, self._standing_batches)
            standing.set_moving_statistics(self.generator, pooled)

    def latents(self, count: int, stream: int = 0) -> np.ndarray:
        """[count, Z] truncated latents, a function of the seed and `stream`."""
        seed = randomness.stream(self.seed, Purpose.SAMPLES, stream)
        return self._latents(count, seed).numpy()

    def _latents(self, count: int, seed: tf.Tensor) -> tf.Tensor:
        return sample_truncated(
            self.rule,
            self.spec.latent_distribution,
            [count, self.spec.latent_dim],
            seed,
            self.truncation,
        )

    def _standing_draw(self, batch: int) -> tuple[tf.Tensor, tf.Tensor | None]:
        seed = randomness.stream(self.seed, Purpose.STANDING_STATISTICS, batch)
        latents = self._latents(self.batch_size, seed)
        if not self.spec.num_classes:
            return latents, None
        labels = randomness.integers([self.batch_size], seed + 1, self.spec.num_classes)
        return latents, labels

    def embed(self, labels: np.ndarray) -> np.ndarray | None:
        """Class embeddings [N, E] of labels [N]; None without classes."""
        if not self.spec.num_classes:
            return None
        return np.asarray(self.generator.class_embedding(tf.constant(labels)))

    def images(self, latents: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        """[N, H, W, C] uint8 of latents [N, Z] and labels [N]."""
        embedding = None if labels is None else self.embed(labels)
        return self.images_of_embeddings(latents, embedding)

    def images_of_embeddings(
        self, latents: np.ndarray, embeddings: np.ndarray | None
    ) -> np.ndarray:
        """[N, H, W, C] uint8 of latents [N, Z] and class embeddings [N, E]."""
        parts = []
        for start in range(0, len(latents), self.batch_size):
            part = slice(start, start + self.batch_size)
            z = padded(latents[part], self.batch_size)
            e = None
            if embeddings is not None:
                e = tf.constant(padded(embeddings[part], self.batch_size))
            images = self._forward(tf.constant(z), e).numpy()
            parts.append(images[: len(latents[part])])
        return np.concatenate(parts)


def balanced_labels(count: int, num_classes: int) -> np.ndarray:
    """[count] int32, every class as often as any other, in turn."""
    return (np.arange(count) % max(num_classes, 1)).astype(np.int32)
