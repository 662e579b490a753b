"""One run of anomaly detection: trains an energy, and scores by it."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from sklearn.metrics import average_precision_score

from experiments.anomaly_detection import energy_model
from experiments.anomaly_detection.data import OneClassOut
from experiments.anomaly_detection.energy_model import EnergyModel
from experiments.anomaly_detection.flags import AnomalyDetectionConfig
from experiments.common.priors import unlabelled_prior
from tf_smallgan.data import batches
from tf_smallgan.data.images import to_float
from tf_smallgan.data.selection import choose
from tf_smallgan.errors import InputError
from tf_smallgan.randomness import Purpose, stream


def steps_per_epoch(images: int, config: AnomalyDetectionConfig) -> int:
    """Training steps in which plain training takes each image once.

    The same number for all arms: a core-set's epoch is as many updates as plain's.
    """
    training = config.training
    taken = training.batch_size * training.discriminator_steps
    return max(1, images // taken)


def train(
    config: AnomalyDetectionConfig, data: OneClassOut
) -> Iterator[tuple[int, int, dict[str, float]]]:
    """Trains, and scores at the end of each of the last epochs.

    Args:
      config: the run's, as its arm has it; `--train_steps` is rounded down to whole
        epochs, of which there is at least one.
      data: what is trained on and scored.

    Yields:
      The epoch, the step, and by name what was measured: see `measure`.

    Raises:
      InputError: the large batch is larger than the data, or training diverged.
    """
    options = config.anomaly_detection
    check_large_batch(config, len(data.train))
    model = energy_model.build(config, data.train.shape[1])
    run = compile_steps(model, config, data)
    each = steps_per_epoch(len(data.train), config)
    epochs = max(1, config.training.train_steps // each)
    silent = max(0, epochs - options.scored_epochs)
    if silent:
        run(tf.constant(silent * each, tf.int64))
    for epoch in range(silent + 1, epochs + 1):
        run(tf.constant(each, tf.int64))
        yield epoch, epoch * each, measure(energies_of(model, data.test), data)


def check_large_batch(config: AnomalyDetectionConfig, images: int) -> None:
    """Raises InputError where the data are fewer than a large batch of them."""
    large = config.training.batch_size * config.coreset.data_oversample
    if large > images:
        raise InputError(
            f"--batch_size={config.training.batch_size} times "
            f"{config.coreset.data_oversample} is {large:,} images, more than the "
            f"{images:,} that are trained on; lower --batch_size."
        )


def compile_steps(
    model: EnergyModel, config: AnomalyDetectionConfig, data: OneClassOut
) -> Callable[[tf.Tensor], None]:
    """A function that trains for a number of steps, a scalar int64 tensor."""
    prior, training = unlabelled_prior(config), config.training
    batch, micros = training.batch_size, training.discriminator_steps

    # Without XLA, which takes half as long again for these second derivatives.
    @tf.function(autograph=False)
    def steps(count: tf.Tensor, images: tf.Tensor, points: tf.Tensor) -> None:
        def one(left: tf.Tensor) -> tf.Tensor:
            step = tf.identity(model.step)
            for micro in range(micros):
                real = _real_batch(config, images, points, step * micros + micro)
                latents = prior.draw(step, micro, batch, 0, 1)
                energy_model.update_energy(model, *real, latents, training.r1_penalty)
            latents = prior.draw(step, micros, batch, 0, 1)
            seed = stream(config.run.seed, Purpose.PAIRING, step)
            energy_model.update_generator(model, latents, seed)
            model.step.assign_add(1)
            return left - 1

        tf.while_loop(lambda left: left > 0, one, [count], parallel_iterations=1)

    # Given, not captured: TensorFlow keeps what a graph captures as long as it runs.
    images, points = tf.constant(data.train), tf.constant(data.embeddings)
    return lambda count: steps(count, images, points)


def _real_batch(
    config: AnomalyDetectionConfig,
    images: tf.Tensor,
    points: tf.Tensor,
    draw: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Images [B, P] in [-1, 1] of a draw, and their weights [B].

    Args:
      config: the run's.
      images: [N, P] uint8.
      points: [N, E], what core-sets are chosen on.
      draw: scalar int64, the number of the draw.
    """
    size, settings = config.training.batch_size, config.coreset
    large = size * settings.data_oversample
    positions = draw * large + tf.range(large, dtype=tf.int64)
    index, weights = (
        batches.records_at(positions, images.shape[0], config.run.seed),
        tf.ones([size]),
    )
    if settings.data_oversample > 1:
        chosen, weights = choose(
            settings.coreset_method,
            tf.gather(points, index),
            size,
            stream(config.run.seed, Purpose.IMAGE_SELECTION, draw),
            with_weights=settings.coreset_weights,
        )
        index = tf.gather(index, chosen)
    return to_float(tf.gather(images, index)), weights


def energies_of(model: EnergyModel, images: np.ndarray) -> np.ndarray:
    """The energies [M] of flat images [M, P] uint8."""
    return model.energy(to_float(images)).numpy()


def measure(energies: np.ndarray, data: OneClassOut) -> dict[str, float]:
    """How well energies [M] tell the anomalies of `data.test`.

    Returns:
      auprc: the area under the precision-recall curve on the test images.
      auprc_published_share: the same where anomalies weigh as much among them as in
        the published test set.
      share, published_share: those shares of anomalies, the areas by chance.

    Raises:
      InputError: an energy is not finite.
    """
    if not np.isfinite(energies).all():
        raise InputError(
            "Training diverged: energies are not finite. Lower --discriminator_lr and "
            "--generator_lr, or raise --r1_penalty."
        )
    return {
        "auprc": auprc(energies, data.is_anomaly, data.share),
        "auprc_published_share": auprc(energies, data.is_anomaly, data.published_share),
        "share": data.share,
        "published_share": data.published_share,
    }


def auprc(energies: np.ndarray, is_anomaly: np.ndarray, share: float) -> float:
    """The area under the precision-recall curve, a high energy for an anomaly.

    As average precision, which does not draw lines between points of the curve.

    Args:
      energies: [M].
      is_anomaly: [M] bool.
      share: the weight of all anomalies over that of all images; also the area where
        energies say nothing.
    """
    own = is_anomaly.mean()
    weights = np.where(is_anomaly, share / own, (1 - share) / (1 - own))
    return float(average_precision_score(is_anomaly, energies, sample_weight=weights))
