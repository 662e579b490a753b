"""One result wherever it is computed, and nothing of Python in the graph."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import coreset

POINTS = np.random.default_rng(0).normal(size=(256, 12)).astype(np.float32)
# What compiles most quickly, for all but the method whose numerical form depends on D.
FEW_DIMENSIONS = POINTS[:, :4]
SEED = np.array([3, 5], np.int32)
K = 32


def all_of(method: str, points: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    indices = coreset.select(method, points, K, SEED)
    return indices, coreset.coverage_weights(points, indices)


def functions_of(concrete: tf.types.experimental.ConcreteFunction) -> list:
    """The graph and all functions that it calls, as lists of nodes."""
    graph = concrete.graph.as_graph_def()
    return [graph.node, *(function.node_def for function in graph.library.function)]


@pytest.mark.parametrize("method", coreset.METHODS)
def test_eager_graph_xla_and_dataset_agree(method):
    """`test_scope.py` has the replicas."""

    def compute(points: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return all_of(method, points)

    points = tf.constant(POINTS if method == "k_center" else FEW_DIMENSIONS)
    eager = compute(points)
    graph = tf.function(compute, autograph=False)
    xla = tf.function(compute, autograph=False, jit_compile=True)
    mapped = tf.data.Dataset.from_tensors(points).map(compute)
    for other in [graph(points), xla(points), *mapped]:
        for expected, actual in zip(eager, other, strict=True):
            assert expected.shape == actual.shape
            np.testing.assert_array_equal(expected, actual)


@pytest.mark.slow
@pytest.mark.parametrize("method", coreset.METHODS)
def test_replicas_agree_in_weights_too(method, two_replicas):
    points = tf.constant(POINTS if method == "k_center" else FEW_DIMENSIONS)
    run = tf.function(lambda p: two_replicas.run(all_of, [method, p]), autograph=False)
    local = two_replicas.experimental_local_results
    for replica in zip(*map(local, run(points)), strict=True):
        for expected, actual in zip(all_of(method, points), replica, strict=True):
            np.testing.assert_array_equal(expected, actual)


@pytest.mark.parametrize("method", coreset.METHODS)
def test_graph_has_no_python_function_and_static_shapes(method):
    function = tf.function(lambda p: all_of(method, p), autograph=False)
    concrete = function.get_concrete_function(tf.TensorSpec([256, 12]))
    assert [shape.as_list() for shape in concrete.output_shapes] == [[K], [K]]
    nodes = [node for body in functions_of(concrete) for node in body]
    assert nodes
    assert not [node.op for node in nodes if "PyFunc" in node.op]


@pytest.mark.parametrize("size", [(256, 12), (8192, 64)])
@pytest.mark.parametrize("method", coreset.METHODS)
def test_no_slice_depends_on_values(method, size):
    # XLA takes a StridedSlice's bounds for compile-time constants. Were they
    # computed from the points, it would compile anew for every batch.
    function = tf.function(lambda p: all_of(method, p), autograph=False)
    concrete = function.get_concrete_function(tf.TensorSpec(size))
    for body in functions_of(concrete):
        constants = {node.name for node in body if node.op == "Const"}
        for node in body:
            if node.op == "StridedSlice":
                bounds = {name.split(":")[0] for name in node.input[1:4]}
                assert bounds <= constants, node


def test_memory_is_linear_in_the_points():
    # 60,000^2 float32 numbers would be 14 GB.
    points = tf.random.stateless_normal([60_000, 3], [1, 2])
    indices = coreset.greedy_k_center(points, 20)
    assert np.unique(indices).size == 20
    np.testing.assert_allclose(
        np.sum(coreset.coverage_weights(points, indices)), 20, rtol=1e-5
    )
