"""What the updates do not compute."""

import keras
import pytest
import tensorflow as tf

from tests.training import stepping
from tf_smallgan.config.flags import TrainingFlags
from tf_smallgan.models.convolution import Convolution
from tf_smallgan.training.prior import LatentBatch
from tf_smallgan.training.state import build_state
from tf_smallgan.training.step import RealBatch, update_discriminator, update_generator

FILTER_GRADIENT = "Conv2DBackpropFilter"


@pytest.fixture(scope="module")
def state():
    return build_state(stepping.SPEC, TrainingFlags(batch_size=4), seed=0)


def _count(network: keras.Model) -> int:
    return sum(isinstance(x, Convolution) for x in network._flatten_layers())


def _filter_gradients(update) -> int:
    """How many kernels of convolutions an update on a batch of 4 takes gradients of."""

    @tf.function(autograph=False)
    def run():
        labels, weights = tf.zeros([4], tf.int32), tf.ones([4])
        fakes = LatentBatch(tf.ones([4, 8]), labels, weights)
        return update(fakes, RealBatch(tf.ones([4, 32, 32, 1]), labels, weights))

    graph = run.get_concrete_function().graph
    return sum(x.type == FILTER_GRADIENT for x in _that_run(graph))


def _that_run(graph: tf.Graph) -> set[tf.Operation]:
    """The operations that a function's results and side effects need."""
    waiting = [x.op for x in graph.outputs] + list(graph.control_outputs)
    found: set[tf.Operation] = set()
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [x.op for x in operation.inputs] + operation.control_inputs
    return found


def test_gs_update_takes_no_gradient_of_ds_kernels(state):
    found = _filter_gradients(lambda fakes, _: update_generator(state, fakes, 4, 0.0))
    assert found == _count(state.generator)


def test_ds_update_takes_no_gradient_of_gs_kernels(state):
    found = _filter_gradients(
        lambda fakes, real: update_discriminator(state, real, fakes, 4)
    )
    assert found == _count(state.discriminator)
