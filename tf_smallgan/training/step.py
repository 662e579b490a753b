"""One training step: D's updates, G's update. No input or output happens here."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.config.flags import TrainingFlags
from tf_smallgan.models.spectral_norm import iterate_once
from tf_smallgan.training import collapse
from tf_smallgan.training.accumulation import accumulate, cut
from tf_smallgan.training.ema import decay_at, update_average
from tf_smallgan.training.losses import (
    discriminator_loss,
    generator_loss,
    logits_and_slopes,
    orthogonal_regularization,
    r1,
)
from tf_smallgan.training.prior import LatentBatch, Prior
from tf_smallgan.training.state import TrainingState

Metrics = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class RealBatch:
    """One D update's data: images [B, H, W, C], labels [B] or None, weights [B]."""

    images: tf.Tensor
    labels: tf.Tensor | None
    weights: tf.Tensor


def update_discriminator(
    state: TrainingState,
    real: RealBatch,
    prior: LatentBatch,
    global_batch: int,
    microbatches: int = 1,
    r1_penalty: float = 0.0,
) -> Metrics:
    """One update of D on real images and on fakes that carry no gradient."""
    variables = state.discriminator.trainable_variables

    def one(real: RealBatch, prior: LatentBatch) -> tuple[list[tf.Tensor], Metrics]:
        # Outside of the tape: G's forward pass leaves no record in a D update.
        fakes = state.generator(prior.latents, prior.labels, training=True)
        fakes = tf.stop_gradient(fakes)
        with tf.GradientTape() as tape:
            real_logits, fake_logits, slopes = _judge(
                state.discriminator, real, fakes, prior.labels, bool(r1_penalty)
            )
            loss = discriminator_loss(
                real_logits, fake_logits, real.weights, prior.weights, global_batch
            )
            total, penalties = loss, {}
            if slopes is not None:
                penalties["r1"] = r1(slopes, real.weights) / global_batch
                total += r1_penalty * penalties["r1"]
        return tape.gradient(total, variables), penalties | {
            "discriminator_loss": loss,
            "real_logit": tf.reduce_sum(real_logits) / global_batch,
            "fake_logit": tf.reduce_sum(fake_logits) / global_batch,
            "real_accuracy": _share(real_logits > 0, global_batch),
            "fake_accuracy": _share(fake_logits < 0, global_batch),
            collapse.IMAGES: collapse.nonfinite([real.images]),
            collapse.REAL_MOMENTS: collapse.moments(real.images, global_batch),
            collapse.FAKE_MOMENTS: collapse.moments(fakes, global_batch),
        }

    parts = list(zip(cut(real, microbatches), cut(prior, microbatches)))
    with iterate_once():
        gradients, metrics = accumulate(parts, one)
    gradients = densify(gradients)
    state.discriminator_optimizer.apply(gradients, variables)
    metrics[collapse.DISCRIMINATOR] = collapse.nonfinite(
        [metrics["discriminator_loss"], *gradients]
    )
    return metrics


def _judge(
    discriminator: keras.Model,
    real: RealBatch,
    fakes: tf.Tensor,
    fake_labels: tf.Tensor | None,
    with_slopes: bool,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
    """D's logits of reals and fakes, and its slopes at the reals where wanted."""
    if with_slopes:
        # Apart, so that only the reals pass backwards twice.
        real_logits, slopes = logits_and_slopes(discriminator, real.images, real.labels)
        return real_logits, discriminator(fakes, fake_labels, training=True), slopes
    images = tf.concat([real.images, fakes], 0)
    labels = None if real.labels is None else tf.concat([real.labels, fake_labels], 0)
    real_logits, fake_logits = tf.split(discriminator(images, labels, training=True), 2)
    return real_logits, fake_logits, None


def update_generator(
    state: TrainingState,
    prior: LatentBatch,
    global_batch: int,
    orthogonal_beta: float,
    microbatches: int = 1,
) -> Metrics:
    """One update of G."""
    variables = state.generator.trainable_variables
    parts = [(part,) for part in cut(prior, microbatches)]
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    # Gradients are summed over replicas and parts; weights are the same in all.
    beta = orthogonal_beta / (replicas * len(parts))

    def one(prior: LatentBatch) -> tuple[list[tf.Tensor], Metrics]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([v.value for v in variables])
            fakes = state.generator(prior.latents, prior.labels, training=True)
            logits = state.discriminator(fakes, prior.labels, training=True)
            loss = generator_loss(logits, prior.weights, global_batch)
            total = loss
            if beta:
                total += orthogonal_regularization(state.generator, beta)
        return tape.gradient(total, variables), {"generator_loss": loss}

    with iterate_once():
        gradients, metrics = accumulate(parts, one)
    gradients = densify(gradients)
    state.generator_optimizer.apply(gradients, variables)
    metrics[collapse.GENERATOR] = collapse.nonfinite(
        [metrics["generator_loss"], *gradients]
    )
    return metrics


def densify(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Gradients of looked-up rows as those of the table.

    Keras's Adam would square the slices of a row that occurs twice one by one.
    """
    return [tf.convert_to_tensor(gradient) for gradient in gradients]


def _share(hits: tf.Tensor, global_batch: int) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(hits, tf.float32)) / global_batch


def replica_step(
    state: TrainingState,
    prior: Prior,
    training: TrainingFlags,
    batch: dict[str, tf.Tensor],
    step: tf.Tensor,
) -> Metrics:
    """The step of one replica.

    Args:
      state: what is trained.
      prior: draws latents.
      training: batch size, number of D updates, regularisation.
      batch: image [N, B, H, W, C], label [N, B], weight [N, B], N the D updates.
      step: scalar, the step whose latents are drawn.

    Returns:
      This replica's part of each metric: the sum over replicas is the value.
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    replica = context.replica_id_in_sync_group
    size = training.batch_size // replicas
    metrics: Metrics = {}
    for micro in range(training.discriminator_steps):
        real = RealBatch(
            batch["image"][micro],
            batch["label"][micro] if prior.num_classes else None,
            batch["weight"][micro],
        )
        latents = prior.draw(step, micro, size, replica, replicas)
        update = update_discriminator(
            state,
            real,
            latents,
            training.batch_size,
            training.microbatches,
            training.r1_penalty,
        )
        metrics = collapse.with_earlier(update, metrics)
    latents = prior.draw(step, training.discriminator_steps, size, replica, replicas)
    metrics |= update_generator(
        state,
        latents,
        training.batch_size,
        training.orthogonal_regularization,
        training.microbatches,
    )
    return metrics


def make_train_step(
    state: TrainingState,
    prior: Prior,
    training: TrainingFlags,
    strategy: tf.distribute.Strategy,
    jit_compile: bool,
) -> Callable[[dict[str, tf.Tensor]], Metrics]:
    """The whole step as one graph: a distributed batch in, global metrics out.

    Args:
      state, prior, training: as for `replica_step`.
      strategy: runs it.
      jit_compile: compile each replica's part with XLA. Not on CPU, where XLA's
        convolutions run at half speed in the backward pass.
    """

    def one(batch: Any, step: tf.Tensor) -> Any:
        return replica_step(state, prior, training, batch, step)

    # No Python control flow depends on a tensor, and AutoGraph doubles tracing time.
    compiled = (
        tf.function(one, jit_compile=True, autograph=False) if jit_compile else one
    )

    @tf.function(autograph=False)
    def train_step(batch: Any) -> dict[str, tf.Tensor]:
        step = tf.identity(state.step)
        parts = strategy.run(compiled, args=(batch, step + state.skipped))
        metrics = {
            name: strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
            for name, value in parts.items()
        }
        finish_step(state, training, strategy, step)
        return collapse.with_diversity(metrics)

    return train_step


def finish_step(
    state: TrainingState,
    training: TrainingFlags,
    strategy: tf.distribute.Strategy,
    step: tf.Tensor,
) -> None:
    """Moves G's average and the step counter on, after the updates of `step`."""
    decay = decay_at(step, training.ema_decay, training.ema_start_step)
    update_average(strategy, state.average, state.generator, decay)
    state.step.assign_add(1)
