"""A small run without training, and what it is scored with."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import config as config_lib
from tf_smallgan.config import Config, defaults
from tf_smallgan.data.dataset import TrainingData, open_data
from tf_smallgan.evaluation.features import FeatureSpace
from tf_smallgan.models import classifier
from tf_smallgan.training.checkpoints import Checkpoints
from tf_smallgan.training.logs import MetricsFile
from tf_smallgan.training.state import build_state
from tf_smallgan.workdir import Workdir

STEP = 12
FLAGS = (
    "--dataset=digits",
    "--resolution=32",
    "--channel_multiplier=2",
    "--latent_dim=16",
    "--batch_size=8",
    "--standing_batches=2",
    "--strategy=one_device",
)


@pytest.fixture(scope="session")
def workdir(tmp_path_factory) -> pathlib.Path:
    """A run at step 12 with random weights and a log; its classifier is quick."""
    path = tmp_path_factory.mktemp("run")
    config = defaults.with_defaults(config_lib.parse([f"--workdir={path}", *FLAGS]))
    places = Workdir(str(path))
    places.open(config)
    state = build_state(defaults.model_spec(config), config.training, seed=0)
    rng = np.random.default_rng(0)
    for variable in state.average.trainable_variables:
        noise = rng.normal(size=variable.shape).astype(np.float32)
        variable.assign(variable + 0.1 * noise)
    state.step.assign(STEP)
    Checkpoints(places.checkpoints, state, keep=1).save()
    log = MetricsFile(places.metrics, 0)
    for step in range(1, STEP + 1):
        losses = {"discriminator_loss": 2 / step, "generator_loss": -1 / step}
        log.append(step, losses)
    _quick_classifier(config)
    return path


def _quick_classifier(config: Config) -> None:
    """Keeps a classifier of a few steps in the cache, for all that ask later."""
    steps = classifier._MIN_STEPS, classifier._MAX_STEPS
    try:
        classifier._MIN_STEPS = classifier._MAX_STEPS = 60
        open_data(config, say=lambda text: None).classifier()
    finally:
        classifier._MIN_STEPS, classifier._MAX_STEPS = steps


@pytest.fixture(scope="session")
def config(workdir) -> Config:
    """The run's completed config, as `evaluate` reads it."""
    return defaults.with_defaults(
        config_lib.parse(
            [f"--workdir={workdir}", "--num_samples=60"], config_lib.EVALUATE
        )
    )


@pytest.fixture(scope="session")
def data(config) -> TrainingData:
    """The digits, opened."""
    return open_data(config, say=lambda text: None)


@pytest.fixture(scope="session")
def pixel_space() -> FeatureSpace:
    """A cheap space: an image's 4 x 4 average, and logits that are its first three."""

    def function(images):
        small = tf.image.resize(tf.cast(images, tf.float32), [4, 4], method="area")
        features = tf.reshape(small, [-1, 16]) / 255.0
        return features, features[:, :3]

    return FeatureSpace("pixels", 16, "none", "by area to 4 px", function)
