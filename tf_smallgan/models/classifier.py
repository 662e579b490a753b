"""A small classifier: features to choose and score by where Inception is too much."""

import keras
import tensorflow as tf

FEATURE_DIM = 128
_LARGEST_INPUT = 64
_SMALLEST_MAP = 4


def build_classifier(resolution: int, channels: int, num_classes: int) -> keras.Model:
    """Images [B, H, W, C] uint8 or float in [0, 255] to (features, logits).

    Images above 64 px are averaged down first.

    Returns:
      A model with outputs features [B, 128] and logits [B, K].
    """
    images = keras.Input((resolution, resolution, channels))
    h = keras.layers.Rescaling(1 / 127.5, offset=-1)(images)
    while resolution > _LARGEST_INPUT:
        h = keras.layers.AveragePooling2D(2)(h)
        resolution //= 2
    for width in (32, 64, FEATURE_DIM, FEATURE_DIM):
        stride = 2 if min(h.shape[1:3]) > _SMALLEST_MAP else 1
        h = keras.layers.Conv2D(
            width, 3, strides=stride, padding="same", use_bias=False
        )(h)
        h = keras.layers.BatchNormalization(momentum=0.9)(h)
        h = keras.layers.ReLU()(h)
    features = keras.layers.GlobalAveragePooling2D(name="features")(h)
    logits = keras.layers.Dense(num_classes, name="logits")(features)
    return keras.Model(images, {"features": features, "logits": logits})


class Classifier:
    """A trained classifier as functions of uint8 images.

    Attributes:
      accuracy: share right on images that it was not trained on.
      weights_hash: of its weights, for fingerprints.
    """

    def __init__(self, model: keras.Model, accuracy: float, weights_hash: str):
        self.model, self.accuracy = model, accuracy
        self.weights_hash = weights_hash

        @tf.function
        def forward(images):
            return model(tf.cast(images, tf.float32), training=False)

        self._forward = forward

    def on(self, strategy: tf.distribute.Strategy | None) -> "Classifier":
        """A copy on each replica of `strategy`; this one where that is one device."""
        if strategy is None or strategy.num_replicas_in_sync == 1:
            return self
        with strategy.scope():
            copy = type(self.model).from_config(self.model.get_config())
            copy.set_weights(self.model.get_weights())
        return Classifier(copy, self.accuracy, self.weights_hash)

    def features(self, images) -> tf.Tensor:
        """[B, H, W, C] uint8 to features [B, 128]."""
        return self._forward(images)["features"]

    def features_and_logits(self, images) -> tuple[tf.Tensor, tf.Tensor]:
        """[B, H, W, C] uint8 to features [B, 128] and logits [B, K]."""
        outputs = self._forward(images)
        return outputs["features"], outputs["logits"]
