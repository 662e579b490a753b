"""Networks whose features images are compared in, and what is collected of them."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from tf_smallgan.evaluation.moments import Moments
from tf_smallgan.models.classifier import FEATURE_DIM as CLASSIFIER_DIM
from tf_smallgan.models.classifier import Classifier
from tf_smallgan.replicas import OnReplicas, padded

CHUNK_IMAGES = 64
MOST_POINTS = 10_000

Batch = tuple[np.ndarray, np.ndarray]
"""Images [B, H, W, C] uint8 and their labels [B] int32."""


@dataclasses.dataclass(frozen=True)
class FeatureSpace:
    """A network that turns images into features.

    Attributes:
      name: "classifier", "inception", or another for what carries no known name.
      dim: D.
      hash: of the weights.
      resizer: how images get to the network's size.
      function: images [B, H, W, C] uint8 to features [B, D] and logits [B, K] or
        None, callable within `strategy.run`.
      knows_classes: whether the logits' classes are the data set's.
      accuracy: of the network on images that it was not trained on, where known.
    """

    name: str
    dim: int
    hash: str
    resizer: str
    function: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor | None]]
    knows_classes: bool = False
    accuracy: float | None = None

    def facts(self) -> dict[str, object]:
        """What a score in this space is not comparable without."""
        return {
            "network": self.name,
            "weights_hash": self.hash,
            "dimensions": self.dim,
            "resizer": self.resizer,
        }


def classifier_space(
    classifier: Classifier, strategy: tf.distribute.Strategy | None = None
) -> FeatureSpace:
    """The space of the small classifier, copied to each replica of `strategy`."""
    return FeatureSpace(
        name="classifier",
        dim=CLASSIFIER_DIM,
        hash=classifier.weights_hash,
        resizer="none up to 64 px, halved by averaging above",
        function=classifier.on(strategy).features_and_logits,
        knows_classes=True,
        accuracy=classifier.accuracy,
    )


@dataclasses.dataclass
class Collected:
    """What scoring needs of a set of images.

    Attributes:
      moments: of the features of all images.
      features: [P, D] float32 of the first P images, P at most 10,000.
      logits: [N, K] float32 of all images, or None.
      labels: [N] int32.
    """

    moments: Moments
    features: np.ndarray
    logits: np.ndarray | None
    labels: np.ndarray

    @property
    def count(self) -> int:
        """N."""
        return self.moments.count

    @property
    def point_labels(self) -> np.ndarray:
        """[P]."""
        return self.labels[: len(self.features)]


class Collector:
    """Embeds images and keeps what scoring needs.

    Memory does not depend on the number of images, but for their logits and labels.
    """

    def __init__(
        self, space: FeatureSpace, strategy: tf.distribute.Strategy | None = None
    ):
        self._embed = OnReplicas(_without_none(space.function), strategy, shared=True)
        self._moments = Moments.empty(space.dim)
        self._features: list[np.ndarray] = []
        self._logits: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []

    def embed(self, images: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, ...]]:
        """Features, and logits where there are, of each batch [<= 64, H, W, C]."""
        sizes: list[int] = []

        def chunks() -> Iterator[tuple[np.ndarray]]:
            for batch in images:
                sizes.append(len(batch))
                yield (padded(batch, CHUNK_IMAGES),)

        for outputs in self._embed(chunks()):
            size = sizes.pop(0)
            yield tuple(output[:size] for output in outputs)

    def append(self, batches: Iterable[Batch]) -> None:
        """Adds batches of at most 64 images."""
        images, labels = zip(*batches)
        self._labels.extend(labels)
        for points, *others in self.embed(images):
            room = max(MOST_POINTS - self._moments.count, 0)
            self._features.append(points[:room])
            self._logits.extend(others)
            self._moments.append(points)

    def collected(self) -> Collected:
        """All that was appended."""
        return Collected(
            moments=self._moments,
            features=np.concatenate(self._features),
            logits=np.concatenate(self._logits) if self._logits else None,
            labels=np.concatenate(self._labels),
        )


def _without_none(
    function: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor | None]],
) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    def outputs(images: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple(x for x in function(images) if x is not None)

    return outputs
