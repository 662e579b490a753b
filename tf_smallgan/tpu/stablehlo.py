"""Writes the train step of one replica as StableHLO."""

import pathlib
import re

import tensorflow as tf

from tf_smallgan import settings
from tf_smallgan.config import Config
from tf_smallgan.errors import InputError
from tf_smallgan.models.initializers import weights_follow
from tf_smallgan.observer import make_prior
from tf_smallgan.training.state import build_state
from tf_smallgan.training.step import make_train_step


def write_train_step(config: Config, path: pathlib.Path) -> None:
    """Writes the whole step: the prior's core-set, all updates, the average.

    It is training's own step on one device, lowered by TensorFlow's XLA bridge. The
    weights are zeros, since a program does not depend on them.

    Args:
      config: completed; `training.batch_size` is one replica's batch.
      path: gets portable StableHLO.

    Raises:
      InputError: an op of the step cannot be compiled by XLA; it is named.
    """
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope(), weights_follow():
        spec = settings.model_spec(config)
        state = build_state(spec, config.training, config.run.seed)
    step = make_train_step(state, make_prior(config), config.training, strategy, False)

    @tf.function(jit_compile=True, autograph=False)
    def flat(image: tf.Tensor, label: tf.Tensor, weight: tf.Tensor):
        return step({"image": image, "label": label, "weight": weight})

    path.write_bytes(lower(flat, *batch_specs(config)))


def lower(function, *specs: tf.TensorSpec) -> bytes:
    """The StableHLO of a `tf.function(jit_compile=True)`.

    Raises:
      InputError: an op cannot be compiled by XLA.
    """
    try:
        return function.experimental_get_compiler_ir(*specs)(
            stage="stablehlo_serialized"
        )
    except ValueError as error:
        ops = sorted(set(_UNSUPPORTED.findall(str(error))))
        if not ops:
            raise
        raise InputError(
            f"XLA cannot compile the step; ops that do not compile: {', '.join(ops)}."
        ) from error


_UNSUPPORTED = re.compile(r"No registered '(\w+)' OpKernel")


def batch_specs(config: Config) -> list[tf.TensorSpec]:
    """image [N, B, H, W, C], label [N, B], weight [N, B], N the D updates."""
    data, training = config.data, config.training
    shape = [training.discriminator_steps, training.batch_size]
    pixels = [data.resolution, data.resolution, data.image_channels]
    return [
        tf.TensorSpec([*shape, *pixels], tf.float32),
        tf.TensorSpec(shape, tf.int32),
        tf.TensorSpec(shape, tf.float32),
    ]
