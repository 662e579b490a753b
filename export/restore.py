"""Restores the averaged generator of a run: neither D nor optimizers are built."""

import dataclasses
import json
import pathlib

import keras
import tensorflow as tf

from tf_smallgan import settings
from tf_smallgan.config import Config
from tf_smallgan.errors import InputError
from tf_smallgan.models.spec import ModelSpec
from tf_smallgan.models.spectral_norm import kernels_of, power_iteration
from tf_smallgan.training.checkpoints import find_checkpoint
from tf_smallgan.training.state import restore_average
from tf_smallgan.workdir import Workdir

BEST_FILE = "best.json"
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


def checkpoint_path(workdir: Workdir, step: str) -> str:
    """The path of the checkpoint that `--step` names.

    Raises:
      InputError: there is none, or no best one has been chosen.
    """
    if step != "best":
        return find_checkpoint(workdir.checkpoints, step)
    number = _best_step(workdir)
    for folder in (workdir.path / "best", workdir.checkpoints):
        if (folder / f"step-{number}.index").exists():
            return str(folder / f"step-{number}")
    raise InputError(
        f"{workdir.path / BEST_FILE} names step {number}, but its checkpoint is gone; "
        "use --step=last or the number of a kept checkpoint."
    )


def _best_step(workdir: Workdir) -> int:
    path = pathlib.Path(workdir.path, BEST_FILE)
    if not path.exists():
        raise InputError(
            f"--step=best: {workdir.path} has no {BEST_FILE}, so no best checkpoint "
            "has been chosen; train with --eval_every_steps, or use --step=last."
        )
    try:
        return int(json.loads(path.read_text())["step"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not name a step as {{'step': N}}; use --step=last."
        ) from error
