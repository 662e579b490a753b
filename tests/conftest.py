"""One CPU as two devices, so that distribution can be tested on any machine."""

import os

import pytest
import tensorflow as tf

from tests.commands import QUICK_COMPILING
from tf_smallgan.config.flags import RunFlags
from tf_smallgan.distribution.strategy import make_strategy

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


# Graphs run once or twice here, and rewriting one takes longer than that. What the
# tests run as a process of its own is rewritten as ever.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

_CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    _CPU, [tf.config.LogicalDeviceConfiguration()] * 2
)

if "XLA_FLAGS" not in os.environ:
    # Flags are read at the first compilation; the commands that tests start compile
    # as they do for users.
    os.environ.update(QUICK_COMPILING)
    tf.function(tf.identity, jit_compile=True)(tf.zeros([]))
    del os.environ["XLA_FLAGS"]

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
    return make_strategy(RunFlags(strategy="mirrored", logical_cpus=2))
