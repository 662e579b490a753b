"""A small classifier: features to select and score by where Inception is too much.

It is trained on the real images once and kept beside the embedding cache.
"""

import hashlib
import json
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_smallgan.files import fingerprint, replacing

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
        def forward(images: tf.Tensor) -> dict[str, tf.Tensor]:
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

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """[B, H, W, C] uint8 to features [B, 128]."""
        return self._forward(images)["features"]

    def features_and_logits(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """[B, H, W, C] uint8 to features [B, 128] and logits [B, K]."""
        outputs = self._forward(images)
        return outputs["features"], outputs["logits"]


_BATCH_SIZE = 128
_MIN_STEPS, _MAX_STEPS = 400, 1500
_HELD_OUT_EVERY = 10
_CACHE_BYTES = 2**28


def load_or_train_classifier(
    folder: pathlib.Path,
    images: tf.data.Dataset,
    *,
    count: int,
    resolution: int,
    channels: int,
    num_classes: int,
    identity_hash: str,
    seed: int,
) -> Classifier:
    """The classifier kept in `folder`, trained first where there is none that fits.

    Every tenth image is held out to measure its accuracy.

    Args:
      folder: where it is kept.
      images: single (image [H, W, C] uint8, label [] int32) in a fixed order that
        mixes the classes.
      count: how many images there are.
      resolution, channels, num_classes: the images'.
      identity_hash: of the data set.
      seed: of weights and order.
    """
    facts = {
        "resolution": resolution,
        "channels": channels,
        "num_classes": num_classes,
        "identity_hash": identity_hash,
        "seed": seed,
    }
    keras.utils.set_random_seed(seed)
    model = build_classifier(resolution, channels, num_classes)
    # Runs may share the folder, and each finds its own.
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
    about = folder / f"classifier-{digest}.json"
    if not about.exists():
        accuracy = _fit(model, images, count, seed)
        _keep(model, about, facts | {"accuracy": accuracy})
    # Also after training: another run may have been first.
    kept = json.loads(about.read_text())
    model.load_weights(_weights_of(about))
    return Classifier(model, kept["accuracy"], fingerprint(model.get_weights()))


def _keep(model: keras.Model, about: pathlib.Path, facts: dict[str, Any]) -> None:
    """Writes the classifier unless another run, which shares the folder, has done so.

    What is embedded with it belongs to its weights, so the first one written stays.
    """
    digest = fingerprint(model.get_weights())
    weights = about.with_name(f"{about.stem}-{digest}.weights.h5")
    with replacing(weights, ".weights.h5") as partial:
        model.save_weights(partial)
    if not about.exists():
        described = facts | {"weights": weights.name}
        with replacing(about) as partial:
            partial.write_text(json.dumps(described, indent=2) + "\n")
    if _weights_of(about) != weights:
        weights.unlink()


def _weights_of(about: pathlib.Path) -> pathlib.Path:
    """The weights that belong to a description."""
    # Early ones do not name them.
    early = about.with_suffix(".weights.h5").name
    return about.with_name(json.loads(about.read_text()).get("weights", early))


def _fit(model: keras.Model, images: tf.data.Dataset, count: int, seed: int) -> float:
    """Trains for about a minute; returns the held-out accuracy."""
    steps = int(np.clip(3 * count / _BATCH_SIZE, _MIN_STEPS, _MAX_STEPS))
    pixels = _image_bytes(images) * count
    numbered = (images.cache() if pixels <= _CACHE_BYTES else images).enumerate()
    held = numbered.filter(lambda i, _: i % _HELD_OUT_EVERY == 0)
    used = numbered.filter(lambda i, _: i % _HELD_OUT_EVERY != 0)
    held = held.map(lambda _, pair: pair).take(100 * _BATCH_SIZE).batch(_BATCH_SIZE)
    used = used.map(lambda _, pair: pair).repeat()
    # At a high resolution few fit, which is why images come mixed.
    buffer = min(count, 20_000, _CACHE_BYTES // _image_bytes(images))
    used = used.shuffle(buffer, seed=seed).batch(_BATCH_SIZE).prefetch(2)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    trainer = keras.Model(model.input, model.output["logits"])
    trainer.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    trainer.fit(used, steps_per_epoch=steps, shuffle=False, verbose=0)
    _, accuracy = trainer.evaluate(held, steps=_count_batches(held), verbose=0)
    return float(accuracy)


def _image_bytes(images: tf.data.Dataset) -> int:
    """Bytes of one uint8 image of a data set of (image, label)."""
    return int(np.prod(images.element_spec[0].shape))


def _count_batches(batches: tf.data.Dataset) -> int:
    # A filtered data set does not know its size, and Keras warns where none is given.
    return int(batches.reduce(0, lambda count, _: count + 1).numpy())
