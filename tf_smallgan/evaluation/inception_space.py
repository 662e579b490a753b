"""The Inception network as a feature space, and whether it is the one of FID."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_smallgan.evaluation.features import FeatureSpace
from tf_smallgan.models.inception import InceptionFeatures, load_inception
from tf_smallgan.models.inception_network import FEATURE_DIM

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
