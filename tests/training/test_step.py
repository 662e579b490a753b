"""The step: what it updates, and that it is traced once."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.config.flags import TrainingFlags
from tf_smallgan.training.prior import Prior
from tf_smallgan.training.state import build_state
from tf_smallgan.training.step import make_train_step

SPEC = ModelSpec(
    architecture="biggan",
    resolution=32,
    image_channels=1,
    num_classes=3,
    channel_multiplier=2,
    latent_dim=8,
    generator_attention=(),
    discriminator_attention=(),
)


def _training(**options):
    # A large epsilon makes Adam linear in the gradient: its sign-like first steps
    # would blow rounding up to the size of the learning rate.
    return TrainingFlags(
        **{
            "batch_size": 8,
            "discriminator_steps": 2,
            "ema_decay": 0.5,
            "orthogonal_regularization": 1e-3,
        }
        | options
    )


def _prior(scope="global"):
    return Prior(
        distribution="normal",
        latent_dim=8,
        num_classes=3,
        oversample=4,
        method="k_center",
        scope=scope,
        weighted=False,
        seed=1,
    )


def _make_linear(state):
    for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
        optimizer.epsilon = 1e3
        optimizer.learning_rate = 10.0


def _batch(step, replicas, replica):
    """The global batch dealt out as the pipeline deals under global scope."""
    rng = np.random.default_rng(step)
    images = rng.uniform(-1, 1, (2, 8, 32, 32, 1)).astype(np.float32)
    labels = rng.integers(0, 3, (2, 8)).astype(np.int32)
    return {
        "image": images[:, replica::replicas],
        "label": labels[:, replica::replicas],
        "weight": np.ones((2, 8 // replicas), np.float32),
    }


def _train(strategy, steps, training=None):
    with strategy.scope():
        state = build_state(SPEC, training or _training(), seed=3)
        _make_linear(state)
    step_fn = make_train_step(state, _prior(), training or _training(), strategy, False)
    replicas = strategy.num_replicas_in_sync
    metrics = None
    for step in range(steps):
        batch = strategy.experimental_distribute_values_from_function(
            lambda c, s=step: {
                k: tf.constant(v)
                for k, v in _batch(s, replicas, c.replica_id_in_sync_group).items()
            }
        )
        metrics = step_fn(batch)
    return state, metrics, step_fn


@pytest.fixture(scope="module")
def one():
    return _train(tf.distribute.OneDeviceStrategy("CPU:0"), 3)


@pytest.mark.slow
def test_one_replica_equals_two_with_two_updates_of_d(one, two_replicas):
    """`test_equalities.py` has one update, both core-sets and processes."""
    two = _train(two_replicas, 3)
    for network in ("generator", "discriminator", "average"):
        for a, b in zip(
            getattr(one[0], network).variables, getattr(two[0], network).variables
        ):
            np.testing.assert_allclose(
                a.numpy(), b.numpy(), rtol=2e-3, atol=2e-4, err_msg=a.path
            )
    for name, value in one[1].items():
        np.testing.assert_allclose(value, two[1][name], rtol=1e-3, atol=1e-4)


def test_everything_trained_moves_and_the_step_counts(one):
    state = one[0]
    fresh = build_state(SPEC, _training(), seed=3)
    assert int(state.step) == 3
    for network in ("generator", "discriminator"):
        for a, b in zip(
            getattr(state, network).trainable_variables,
            getattr(fresh, network).trainable_variables,
        ):
            assert np.abs(a.numpy() - b.numpy()).max() > 0, a.path


def test_it_is_traced_once(one):
    assert one[2].experimental_get_tracing_count() == 1


def test_no_python_function_is_in_the_graph(one):
    graph = (
        one[2]
        .get_concrete_function({k: tf.constant(v) for k, v in _batch(0, 1, 0).items()})
        .graph.as_graph_def()
    )
    ops = {n.op for n in graph.node}
    ops |= {n.op for f in graph.library.function for n in f.node_def}
    assert not {op for op in ops if "PyFunc" in op}
