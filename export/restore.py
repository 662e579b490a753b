"""Restores the averaged generator of a run: neither D nor optimizers are built."""

import dataclasses

import keras
import tensorflow as tf

from tf_smallgan import settings
from tf_smallgan.config import Config
from tf_smallgan.models.spec import ModelSpec
from tf_smallgan.models.spectral_norm import kernels_of, power_iteration
from tf_smallgan.training.checkpoints import checkpoint_path
from tf_smallgan.training.state import restore_average
from tf_smallgan.workdir import Workdir

# Largest relative change of a singular value in a power iteration: float32's own.
_CONVERGED, _MOST = 1e-7, 1000


@dataclasses.dataclass(frozen=True)
class Restored:
    """The live averaged generator, its spectral norm vectors converged.

    Attributes:
      config: the run's, completed.
      spec: what the generator was built from.
      step: the training step it was saved at.
    """

    config: Config
    spec: ModelSpec
    average: keras.Model
    step: int


def restore(config: Config, step: str) -> Restored:
    """The averaged generator of `--workdir` at a step.

    Args:
      config: as the flags gave it.
      step: "best", "last" or the number of a kept checkpoint.

    Raises:
      InputError: there is no such checkpoint, or it cannot be read.
    """
    config = settings.complete(config)
    spec = settings.model_spec(config)
    path = checkpoint_path(Workdir(config.run.workdir), step)
    average, number = restore_average(spec, path)
    converge(average)
    return Restored(config, spec, average, number)


def converge(model: keras.Model) -> None:
    """Iterates every kernel's singular vector until its value stands still.

    Averaged weights are not those that training iterated on, and what is folded
    into a kernel stays there: a fixed number of iterations may leave a percent.
    """
    for kernel in kernels_of(model):
        if kernel.right is not None:
            weight = tf.convert_to_tensor(kernel.kernel)
            matrix = tf.reshape(weight, [-1, weight.shape[-1]])
            right = _singular_vector(matrix, tf.convert_to_tensor(kernel.right))
            kernel.right.assign(right)


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([None], tf.float32),
    ],
    autograph=False,
)
def _singular_vector(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """The right singular vector [N] of a matrix [M, N], from an estimate."""

    def moves(right, sigma, before):
        return tf.abs(sigma - before) > _CONVERGED * sigma

    def iterate(right, sigma, _):
        after, right = power_iteration(matrix, right)
        return right, after, sigma

    start = (right, tf.constant(1.0), tf.constant(float("-inf")))
    return tf.while_loop(moves, iterate, start, maximum_iterations=_MOST)[0]
