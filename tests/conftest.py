"""One CPU as two devices, so that distribution can be tested on any machine."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Compiling a selection takes longer than running it, and most tests compile one;
# `make check-slow` runs those of the core-sets as they are compiled for users.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import pytest
import tensorflow as tf

from tf_smallgan.config import RunConfig
from tf_smallgan.training.strategy import make_strategy

# Graphs run once or twice here, and rewriting one takes longer than that. What the
# tests run as a process of its own is rewritten as ever.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

_CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    _CPU, [tf.config.LogicalDeviceConfiguration()] * 2
)

# Long files of few tests: started first, so that no worker is left alone with one.
_FIRST = (
    "test_commands.py",
    "test_equalities.py",
    "test_accumulation.py",
    "test_kill.py",
)


def pytest_collection_modifyitems(items):
    """Moves the longest files to the front."""
    items.sort(key=lambda item: item.path.name not in _FIRST)


@pytest.fixture(scope="session")
def two_replicas() -> tf.distribute.Strategy:
    """MirroredStrategy on two logical CPUs, the one of this process."""
    return make_strategy(RunConfig(strategy="mirrored", logical_cpus=2))
