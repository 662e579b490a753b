"""A few training steps of small networks on made images, for tests of the step."""

import dataclasses

import numpy as np
import tensorflow as tf

from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.config.flags import TrainingFlags
from tf_smallgan.models.batch_norm import BatchStatistics
from tf_smallgan.training.prior import Prior
from tf_smallgan.training.state import TrainingState, build_state
from tf_smallgan.training.step import make_train_step

BATCH, CLASSES = 8, 3
SPEC = ModelSpec(
    architecture="biggan",
    resolution=32,
    image_channels=1,
    num_classes=CLASSES,
    channel_multiplier=2,
    latent_dim=8,
    generator_attention=(),
    discriminator_attention=(),
)
# Weighted core-sets of latents; the data's come ready made.
PRIOR = Prior(
    distribution="normal",
    latent_dim=8,
    num_classes=CLASSES,
    oversample=4,
    method="k_center",
    scope="global",
    weighted=True,
    seed=1,
)


def fixed_batch_norm(monkeypatch) -> None:
    """Makes batch norm take its statistics from a table, as if nothing were learned.

    Then an example's result does not depend on the others of its batch.
    """

    def by_table(self, images, training):
        mean = 0.1 * tf.cast(tf.range(images.shape[-1]), tf.float32)
        return images, mean, 1.0 + mean

    monkeypatch.setattr(BatchStatistics, "_by_batch", by_table)


def _batch(step: int, replicas: int, replica: int) -> dict[str, np.ndarray]:
    """The global batch of a step as the pipeline deals it under global scope."""
    rng = np.random.default_rng(step)
    batch = {
        "image": rng.uniform(-1, 1, (1, BATCH, 32, 32, 1)).astype(np.float32),
        "label": rng.integers(0, CLASSES, (1, BATCH)).astype(np.int32),
        "weight": rng.uniform(0.5, 1.5, (1, BATCH)).astype(np.float32),
    }
    return {name: value[:, replica::replicas] for name, value in batch.items()}


def train(
    strategy: tf.distribute.Strategy,
    spec: ModelSpec = SPEC,
    steps: int = 2,
    **options,
) -> tuple[TrainingState, dict[str, float]]:
    """What `steps` steps make of seed 3, and the last step's metrics."""
    training = dataclasses.replace(
        TrainingFlags(batch_size=BATCH, discriminator_steps=1, ema_decay=0.5),
        orthogonal_regularization=1e-3,
        **options,
    )
    with strategy.scope():
        state = build_state(spec, training, seed=3)
        # A large epsilon makes Adam linear in the gradient: its sign-like first steps
        # would blow rounding up to the size of the learning rate.
        for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
            optimizer.epsilon, optimizer.learning_rate = 1e3, 10.0
    step_fn = make_train_step(state, PRIOR, training, strategy, False)
    metrics: dict[str, tf.Tensor] = {}
    for step in range(steps):
        values = strategy.experimental_distribute_values_from_function(
            lambda context, step=step: {
                name: tf.constant(value)
                for name, value in _batch(
                    step,
                    strategy.num_replicas_in_sync,
                    context.replica_id_in_sync_group,
                ).items()
            }
        )
        metrics = step_fn(values)
    assert step_fn.experimental_get_tracing_count() == 1
    return state, {name: float(value) for name, value in metrics.items()}


def assert_same(a, b, rtol: float = 2e-4, atol: float = 2e-5) -> None:
    """Two results of `train` agree: weights, vectors, statistics, metrics."""
    for network in ("generator", "discriminator", "average"):
        for x, y in zip(
            getattr(a[0], network).variables, getattr(b[0], network).variables
        ):
            np.testing.assert_allclose(
                x.numpy(), y.numpy(), rtol=rtol, atol=atol, err_msg=x.path
            )
    for name, value in a[1].items():
        np.testing.assert_allclose(value, b[1][name], rtol=1e-3, atol=1e-4)
