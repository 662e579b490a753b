"""A short training of everything real, to be compared between numbers of replicas.

Data set, core-sets, input pipeline, networks and step are the program's. Only Adam
is made linear in the gradient by a huge epsilon: its first steps are the gradient's
sign times the learning rate, which would blow rounding up to a whole step.

    TF_CONFIG=... python -m tests.training.equal_run FOLDER OUT.npz

is one worker of several; FOLDER is shared, OUT its own.
"""

import sys

import numpy as np
import tensorflow as tf

from tf_smallgan import config as config_lib
from tf_smallgan.config import defaults
from tf_smallgan.config.flags import RunFlags
from tf_smallgan.data.dataset import prepare
from tf_smallgan.distribution.replicas import OnReplicas
from tf_smallgan.distribution.strategy import make_strategy
from tf_smallgan.trainer import distributed_batches
from tf_smallgan.training.monitor import make_prior
from tf_smallgan.training.state import TrainingState, build_state
from tf_smallgan.training.step import make_train_step

STEPS = 5
BATCH = 8


def config(folder):
    """The run that is repeated."""
    return config_lib.parse(
        [
            f"--workdir={folder}",
            "--dataset=digits",
            "--channel_multiplier=2",
            "--latent_dim=8",
            f"--batch_size={BATCH}",
            # One D update: the networks are traced in two passes, not in three.
            "--discriminator_steps=1",
            "--coreset_scope=global",
            # Both kinds of rule: one that draws lots, and the paper's.
            "--prior_coreset_method=k_center",
            "--embedder=pixels",
            "--embedding_dim=8",
            "--ema_decay=0.5",
            "--orthogonal_regularization=1e-3",
        ]
    )


def make_linear(state: TrainingState) -> None:
    """Steps of 0.01 times the gradient."""
    for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
        optimizer.epsilon = 1e3
        optimizer.learning_rate = 10.0


def train(
    strategy: tf.distribute.Strategy, settled: config_lib.Config
) -> dict[str, np.ndarray]:
    """Parameters, average, statistics and losses after STEPS steps.

    `records/S/I` are the record numbers that this worker's I-th replica trained on
    in step S, [N, B / R].
    """
    data = prepare(settled, say=lambda line: None, strategy=strategy)
    settled = data.config
    with strategy.scope():
        spec = defaults.model_spec(settled)
        state = build_state(spec, settled.training, seed=3)
    make_linear(state)
    prior = make_prior(settled)
    step = make_train_step(state, prior, settled.training, strategy, False)
    batches = iter(distributed_batches(settled, data, strategy, 0))
    found = {}
    for number in range(STEPS):
        batch = next(batches)
        for i, index in enumerate(strategy.experimental_local_results(batch["index"])):
            found[f"records/{number}/{i}"] = index.numpy()
        for name, value in step(batch).items():
            found[f"metrics/{number}/{name}"] = value.numpy()
    found["places"] = places_of_chunks(strategy)
    for network in ("generator", "discriminator", "average"):
        for i, variable in enumerate(getattr(state, network).variables):
            found[f"{network}/{i}/{variable.path}"] = variable.numpy()
    return found


def places_of_chunks(strategy: tf.distribute.Strategy) -> np.ndarray:
    """Of each of five shared chunks: the replica that it went to, and its content."""

    def place(x):
        context = tf.distribute.get_replica_context()
        replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
        return replica, 2 * x

    chunks = [(np.array([i, 100 + i], np.uint8),) for i in range(5)]
    replicas = OnReplicas(place, strategy, shared=True)
    return np.array([[replica, *x] for replica, x in replicas(chunks)])


if __name__ == "__main__":
    # Rewriting the graphs takes longer than the few steps; see tests/conftest.py.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    settled = config(sys.argv[1])
    # The arrays' names hold slashes, which a zip file's may.
    np.savez(sys.argv[2], **train(make_strategy(RunFlags(strategy="auto")), settled))
