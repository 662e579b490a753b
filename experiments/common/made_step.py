"""The training step on a made batch: what it costs, without any data."""

import dataclasses
from typing import Any

import tensorflow as tf

from tf_smallgan import randomness
from tf_smallgan.config import Config, defaults
from tf_smallgan.training.monitor import make_prior
from tf_smallgan.training.state import build_state
from tf_smallgan.training.step import make_train_step


def made_batch(config: Config) -> dict[str, tf.Tensor]:
    """A batch of noise of the right shapes: speed does not depend on the pixels."""
    updates, batch = config.training.discriminator_steps, config.training.batch_size
    size, channels = config.data.resolution, config.data.image_channels
    shape = [updates, batch, size, size, channels]
    return {
        "image": randomness.uniform(shape, [0, 1], -1.0, 1.0),
        "label": tf.zeros([updates, batch], tf.int32),
        "weight": tf.ones([updates, batch]),
    }


def make_step(config: Config, fused: bool = True) -> tuple[Any, dict[str, tf.Tensor]]:
    """The training step of a completed config on one CPU, and a made batch."""
    tf.config.optimizer.set_experimental_options({"remapping": False})
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        spec = dataclasses.replace(defaults.model_spec(config), fused_resampling=fused)
        state = build_state(spec, config.training, seed=0)
    step = make_train_step(state, make_prior(config), config.training, strategy, False)
    return step, made_batch(config)
