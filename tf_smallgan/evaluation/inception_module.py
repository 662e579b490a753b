"""An Inception network from TF-Hub or a SavedModel, which also has class logits.

The module is called as tensorflow-gan calls its own: images [B, 299, 299, 3] in
[-1, 127/128] to a dictionary with `pool_3` (2,048 features) and `logits`.
"""

import hashlib
import os
import pathlib

import tensorflow as tf
import tensorflow_hub as hub

from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.features import FeatureSpace
from tf_smallgan.evaluation.inception_space import RESIZER, is_reference
from tf_smallgan.models.inception import preprocess
from tf_smallgan.models.inception_network import FEATURE_DIM, IMAGE_SIZE

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


def _load(handle: str, folder: pathlib.Path):
    try:
        return hub.load(str(folder))
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise InputError(
            f"--inception_module={handle} is not a readable SavedModel ({error})."
        ) from error


def _check_outputs(handle: str, module) -> None:
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
