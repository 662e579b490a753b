"""What the networks have in common: how layers are kept and latents shared out."""

from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.models.attention import SelfAttention
from tf_smallgan.models.recomputation import run_block


def settings_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments, for get_config."""
    left_out = ("self", "__class__")
    return {k: v for k, v in arguments.items() if k not in left_out}


def keep(model: keras.Model, layer: keras.layers.Layer) -> keras.layers.Layer:
    """Makes `layer` an attribute of `model`, named as itself.

    TensorFlow's checkpoints hold what attributes reach. Keras replaces a list or
    dict of layers by one that they do not see into, and nothing says so: the
    weights are left out of the checkpoint.
    """
    setattr(model, layer.name, layer)
    return layer


def attach_attention(
    model: Any, block: int, channels: int, size: int, **options: Any
) -> None:
    """Lets `model` attend after its block of that number, at `size` px."""
    layer = SelfAttention(channels, name=f"attention{size}", **options)
    model.attentions[str(block)] = keep(model, layer)


def attend(model: Any, block: int, images: tf.Tensor, training: bool) -> tf.Tensor:
    """What `model` makes of images after its block of that number."""
    if str(block) not in model.attentions:
        return images
    layer = model.attentions[str(block)]
    return run_block(layer, images, remat=model.remat, training=training)


def choose(given: Any, default: Any) -> Any:
    """What was given, or the architecture's default where nothing was."""
    return default if given is None else given


def chunk_size(latent_dim: int, slots: int) -> int:
    """The size of one of `slots` equal chunks of the latent.

    Raises:
      InputError: the latent does not divide.
    """
    if latent_dim % slots:
        nearest = latent_dim // slots * slots or slots
        raise InputError(
            f"--latent_dim={latent_dim} does not divide into {slots} chunks; "
            f"--latent_dim={nearest} does, or --noskip_latents."
        )
    return latent_dim // slots


def join_condition(
    class_embedding: tf.Tensor | None, chunk: tf.Tensor | None
) -> tf.Tensor | None:
    """What conditional batch norm sees: [class embedding, latent chunk]."""
    parts = [part for part in (class_embedding, chunk) if part is not None]
    return tf.concat(parts, axis=1) if parts else None
