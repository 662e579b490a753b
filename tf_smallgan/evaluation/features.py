"""Feature spaces that images are compared in: classifier, Inception, TF-Hub module."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

from tf_smallgan.distribution.replicas import OnReplicas, padded
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.frechet import Moments
from tf_smallgan.models.classifier import FEATURE_DIM as CLASSIFIER_DIM
from tf_smallgan.models.classifier import Classifier
from tf_smallgan.models.inception import InceptionFeatures, load_inception, preprocess
from tf_smallgan.models.inception_network import FEATURE_DIM, IMAGE_SIZE
from tf_smallgan.sampling.generators import CHUNK_IMAGES, Batch

MOST_POINTS = 10_000

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


RESIZER = "reference bilinear to 299 px, corners at i * H / 299"
# The probe's fingerprint under the weights of the graph of 2015-12-05.
_REFERENCE = (0.40957, 0.31288, 0.28209, 0.27950, 0.24453, 0.24548, 0.25264, 0.31605)
_TOLERANCE = 0.01


def inception_space(
    path: str, strategy: tf.distribute.Strategy | None = None
) -> FeatureSpace:
    """The space of the weights in `path`.

    It is named "inception" only if a known image gets the 2015 network's features;
    other weights of the same shapes make a space "custom_inception", whose scores
    are named so.

    Raises:
      InputError: no such file, or one with other contents.
    """
    with (strategy or tf.distribute.get_strategy()).scope():
        network = load_inception(path)
    return space_of(network)


def space_of(network: InceptionFeatures) -> FeatureSpace:
    """The space of a network that is already there."""

    def function(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        features = network.features(images)
        return features, network.logits(features) if network.has_logits else None

    return FeatureSpace(
        name="inception" if is_reference(network.features) else "custom_inception",
        dim=FEATURE_DIM,
        hash=network.weights_hash,
        resizer=RESIZER,
        function=function,
    )


def probe_image() -> np.ndarray:
    """[1, 64, 64, 3] uint8: three ramps that any machine draws alike."""
    rows, columns = np.mgrid[:64, :64] * 4
    image = np.stack([rows, columns, (rows * columns // 4) % 256], axis=-1)
    return image[None].astype(np.uint8)


def fingerprint(features: Callable[[tf.Tensor], tf.Tensor]) -> np.ndarray:
    """[8] means of the probe's features over eighths of the 2,048.

    Args:
      features: images [B, H, W, 3] uint8 to [B, 2048].
    """
    found = np.asarray(features(tf.constant(probe_image())))[0]
    return found.reshape(8, -1).mean(1)


def is_reference(features: Callable[[tf.Tensor], tf.Tensor]) -> bool:
    """Whether these are the 2015 network's features, by what they are of the probe."""
    return bool(np.allclose(fingerprint(features), _REFERENCE, rtol=_TOLERANCE))


FEATURES, LOGITS = "pool_3", "logits"
TFGAN_MODULE = "https://tfhub.dev/tensorflow/tfgan/eval/inception/1"


def module_space(
    handle: str, strategy: tf.distribute.Strategy | None = None
) -> FeatureSpace:
    """The space of --inception_module.

    It is named "inception" only if a known image gets the 2015 network's features,
    as a file of weights is.

    Args:
      handle: a TF-Hub address, or the folder of a SavedModel.
      strategy: whose replicas run it.

    Raises:
      InputError: it cannot be loaded, or gives something else than expected.
    """
    folder = _resolve(handle)
    with (strategy or tf.distribute.get_strategy()).scope():
        module = _load(handle, folder)

    def function(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = module(preprocess(images))
        size = tf.shape(images)[0]
        return tuple(tf.reshape(outputs[x], [size, -1]) for x in (FEATURES, LOGITS))

    _check_outputs(handle, module)
    return FeatureSpace(
        name="inception" if is_reference(lambda x: function(x)[0]) else _OTHER_NAME,
        dim=FEATURE_DIM,
        hash=folder_hash(folder),
        resizer=RESIZER,
        function=function,
    )


_OTHER_NAME = "custom_inception"


def folder_hash(folder: pathlib.Path) -> str:
    """SHA-256 of a SavedModel: its graph's and its variables' files, by name."""
    total = hashlib.sha256()
    for path in sorted([folder / "saved_model.pb", *folder.glob("variables/*")]):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder)} {digest}\n".encode())
    return total.hexdigest()


def _resolve(handle: str) -> pathlib.Path:
    """The folder of a module, downloaded into TF-Hub's cache if need be."""
    is_address = "://" in handle
    if not is_address and not os.path.isfile(os.path.join(handle, "saved_model.pb")):
        raise InputError(
            f"--inception_module={handle}: no SavedModel lies there. Give the folder "
            f"that holds saved_model.pb, or an address such as {TFGAN_MODULE}."
        )
    try:
        return pathlib.Path(hub.resolve(handle))
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"--inception_module={handle} could not be fetched ({error}). Fetch it "
            "where there is a network, unpack it, and give its folder."
        ) from error


def _load(handle: str, folder: pathlib.Path) -> Any:
    try:
        return hub.load(str(folder))
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise InputError(
            f"--inception_module={handle} is not a readable SavedModel ({error})."
        ) from error


def _check_outputs(handle: str, module: Any) -> None:
    """Raises InputError unless one image gives the two named outputs."""
    expected = f"{FEATURES} [B, {FEATURE_DIM}] and {LOGITS} [B, classes]"
    try:
        outputs = module(tf.zeros([1, IMAGE_SIZE, IMAGE_SIZE, 3]))
    except (TypeError, ValueError, tf.errors.OpError) as error:
        raise InputError(
            f"--inception_module={handle} does not take images [B, {IMAGE_SIZE}, "
            f"{IMAGE_SIZE}, 3] ({str(error)[:200]})."
        ) from error
    found = (
        {name: list(value.shape) for name, value in outputs.items()}
        if isinstance(outputs, dict)
        else type(outputs).__name__
    )
    whole = isinstance(outputs, dict) and {FEATURES, LOGITS} <= set(outputs)
    if not whole or tf.size(outputs[FEATURES]) != FEATURE_DIM:
        raise InputError(
            f"--inception_module={handle} gives {found}; expected {expected}, as "
            f"{TFGAN_MODULE} does."
        )
