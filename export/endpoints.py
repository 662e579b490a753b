"""What the exported functions compute: stateless, for any batch size.

One class for generators with classes and one for those without; a signature's inputs
are the names of the method's arguments.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from export import checks
from export.philox import seeded_uniforms
from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.models.latents import truncate_uniform
from tf_smallgan.sampling.sampler import to_uint8

Outputs = dict[str, tf.Tensor]
Specs = dict[str, tf.TensorSpec]
SERVING_DEFAULT, SERVING_PNG = "serving_default", "serving_png"


def rows(size: int) -> tf.TensorSpec:
    """[B, size] float32."""
    return tf.TensorSpec([None, size], tf.float32)


def vector(dtype: tf.DType) -> tf.TensorSpec:
    """[B]."""
    return tf.TensorSpec([None], dtype)


# A scalar or [B].
ANY_RANK = tf.TensorSpec(None, tf.float32)


def _shared(function: Callable[..., tf.Tensor], inputs: Specs) -> Any:
    """`function` traced once, however many signatures call it."""
    return tf.function(function, input_signature=list(inputs.values()), autograph=False)


class Endpoints:
    """What both kinds of generator share.

    Args:
      generator: folded, with filled tables of statistics.
      spec: what it was built from.
      rule: truncation rule of `models.latents`.
      most: the largest truncation that requests may have.
    """

    def __init__(self, generator: keras.Model, spec: ModelSpec, rule: str, most: float):
        self._generator, self._spec = generator, spec
        self._rule, self._most = rule, most

    def _drawn(
        self, seed: tf.Tensor, truncation: tf.Tensor, examples: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Seeds [B] and truncations [B] to latents [B, Z] and truncations [B].

        Example by example: nothing depends on the rest of the batch.
        """
        seed = checks.checked_vector("seed", seed, examples)
        truncation = checks.checked_vector("truncation", truncation, tf.size(seed))
        truncation = checks.checked_truncation(truncation, self._most)
        z = truncate_uniform(
            self._rule,
            self._spec.latent_distribution,
            seeded_uniforms(seed, self._spec.latent_dim),
            truncation,
        )
        return z, truncation

    def _checked(
        self, z: tf.Tensor, truncation: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """z [B, Z] and truncation [] or [B], as [B, Z] and [B]."""
        z = checks.checked_rows("z", z, self._spec.latent_dim)
        truncation = checks.spread_truncation(truncation, tf.shape(z)[0])
        return z, checks.checked_truncation(truncation, self._most)


class ConditionalEndpoints(Endpoints):
    """Endpoints of a generator with classes."""

    def __init__(self, generator: keras.Model, spec: ModelSpec, rule: str, most: float):
        super().__init__(generator, spec, rule, most)
        one = generator.class_embedding(tf.zeros([1], tf.int32))
        self.embedding_dim = int(one.shape[1])
        self._images = _shared(
            lambda z, e, t: generator(z, class_embedding=e, truncation=t),
            {
                "z": rows(spec.latent_dim),
                "e": rows(self.embedding_dim),
                "t": vector(tf.float32),
            },
        )
        self._pictures = _shared(self._draw, self.request())

    def hub_inputs(self) -> Specs:
        """Arguments of `images`, the module's own call."""
        return {
            "z": rows(self._spec.latent_dim),
            "y": rows(self._spec.num_classes),
            "truncation": ANY_RANK,
        }

    def images(self, z: tf.Tensor, y: tf.Tensor, truncation: tf.Tensor) -> tf.Tensor:
        """z [B, Z], one-hot or soft y [B, K], truncation [] or [B]; in [-1, 1].

        z is used as it is; truncation selects the batch norm statistics.
        """
        z, truncation = self._checked(z, truncation)
        y = checks.checked_rows("y", y, self._spec.num_classes)
        y = checks.same_batch("y", y, tf.shape(z)[0])
        return self._images(z, self._mixed_embedding(y), truncation)

    def _mixed_embedding(self, y: tf.Tensor) -> tf.Tensor:
        """The classes' embeddings weighted by y [B, K]."""
        if self._generator.embedding is None:  # Conditioned on one-hot labels.
            return y
        table = self._generator.class_embedding(tf.range(self._spec.num_classes))
        return tf.matmul(y, table)

    def default(self, z: tf.Tensor, y: tf.Tensor, truncation: tf.Tensor) -> Outputs:
        """As `images`, in TF-Hub's form."""
        return {"default": self.images(z, y, truncation)}

    def embed(self, label: tf.Tensor) -> Outputs:
        """Labels [B] to class embeddings [B, E]."""
        label = checks.checked_vector("label", label)
        label = checks.checked_label(label, self._spec.num_classes)
        return {"class_embedding": self._generator.class_embedding(label)}

    def synthesize(
        self, z: tf.Tensor, class_embedding: tf.Tensor, truncation: tf.Tensor
    ) -> Outputs:
        """z [B, Z], class embedding [B, E], truncation [] or [B]; in [-1, 1]."""
        z, truncation = self._checked(z, truncation)
        name = "class_embedding"
        embedding = checks.checked_rows(name, class_embedding, self.embedding_dim)
        embedding = checks.same_batch(name, embedding, tf.shape(z)[0])
        return {"images": self._images(z, embedding, truncation)}

    def request(self) -> Specs:
        """Arguments of `generate`."""
        return {
            "label": vector(tf.int32),
            "seed": vector(tf.int64),
            "truncation": vector(tf.float32),
        }

    def generate(
        self, label: tf.Tensor, seed: tf.Tensor, truncation: tf.Tensor
    ) -> tf.Tensor:
        """Labels, seeds and truncations [B] to images [B, H, W, C] uint8."""
        return self._pictures(label, seed, truncation)

    def _draw(
        self, label: tf.Tensor, seed: tf.Tensor, truncation: tf.Tensor
    ) -> tf.Tensor:
        label = checks.checked_vector("label", label)
        label = checks.checked_label(label, self._spec.num_classes)
        z, truncation = self._drawn(seed, truncation, tf.size(label))
        embedding = self._generator.class_embedding(label)
        return to_uint8(self._images(z, embedding, truncation))

    def serving_default(
        self, label: tf.Tensor, seed: tf.Tensor, truncation: tf.Tensor
    ) -> Outputs:
        """Labels, seeds and truncations [B] to images [B, H, W, C] uint8."""
        return {"image": self._pictures(label, seed, truncation)}

    def serving_png(
        self, label: tf.Tensor, seed: tf.Tensor, truncation: tf.Tensor
    ) -> Outputs:
        """As `serving_default`, as PNG files [B] string."""
        return {
            "image_bytes": tf.io.encode_png(self._pictures(label, seed, truncation))
        }

    def signatures(self) -> dict[str, Specs]:
        """Inputs of each signature."""
        return {
            "default": self.hub_inputs(),
            SERVING_DEFAULT: self.request(),
            SERVING_PNG: self.request(),
            "embed": {"label": vector(tf.int32)},
            "synthesize": {
                "z": rows(self._spec.latent_dim),
                "class_embedding": rows(self.embedding_dim),
                "truncation": ANY_RANK,
            },
        }


class UnconditionalEndpoints(Endpoints):
    """Endpoints of a generator without classes: no `label`, no `y`, no `embed`."""

    def __init__(self, generator: keras.Model, spec: ModelSpec, rule: str, most: float):
        super().__init__(generator, spec, rule, most)
        self._images = _shared(
            lambda z, t: generator(z, truncation=t),
            {"z": rows(spec.latent_dim), "t": vector(tf.float32)},
        )
        self._pictures = _shared(self._draw, self.request())

    def hub_inputs(self) -> Specs:
        """Arguments of `images`, the module's own call."""
        return {"z": rows(self._spec.latent_dim), "truncation": ANY_RANK}

    def images(self, z: tf.Tensor, truncation: tf.Tensor) -> tf.Tensor:
        """z [B, Z], truncation [] or [B]; in [-1, 1]."""
        return self._images(*self._checked(z, truncation))

    def default(self, z: tf.Tensor, truncation: tf.Tensor) -> Outputs:
        """As `images`, in TF-Hub's form."""
        return {"default": self.images(z, truncation)}

    def request(self) -> Specs:
        """Arguments of `generate`."""
        return {"seed": vector(tf.int64), "truncation": vector(tf.float32)}

    def generate(self, seed: tf.Tensor, truncation: tf.Tensor) -> tf.Tensor:
        """Seeds and truncations [B] to images [B, H, W, C] uint8."""
        return self._pictures(seed, truncation)

    def _draw(self, seed: tf.Tensor, truncation: tf.Tensor) -> tf.Tensor:
        return to_uint8(self._images(*self._drawn(seed, truncation)))

    def serving_default(self, seed: tf.Tensor, truncation: tf.Tensor) -> Outputs:
        """Seeds and truncations [B] to images [B, H, W, C] uint8."""
        return {"image": self._pictures(seed, truncation)}

    def serving_png(self, seed: tf.Tensor, truncation: tf.Tensor) -> Outputs:
        """As `serving_default`, as PNG files [B] string."""
        return {"image_bytes": tf.io.encode_png(self._pictures(seed, truncation))}

    def signatures(self) -> dict[str, Specs]:
        """Inputs of each signature."""
        return {
            "default": self.hub_inputs(),
            SERVING_DEFAULT: self.request(),
            SERVING_PNG: self.request(),
        }
