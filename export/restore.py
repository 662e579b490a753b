"""Restores the averaged generator of a run: neither D nor optimizers are built."""

import dataclasses

import keras

from tf_smallgan.config import Config, defaults
from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.models.spectral_norm import converge
from tf_smallgan.training.checkpoint_files import checkpoint_path
from tf_smallgan.training.state import restore_average, was_trained
from tf_smallgan.workdir import Workdir


@dataclasses.dataclass(frozen=True)
class Restored:
    """The live averaged generator, its spectral norm vectors converged.

    Attributes:
      config: the run's, completed.
      spec: what the generator was built from.
      step: the training step it was saved at.
      trained_here: rather than imported.
    """

    config: Config
    spec: ModelSpec
    average: keras.Model
    step: int
    trained_here: bool = True


def restore(config: Config, step: str) -> Restored:
    """The averaged generator of `--workdir` at a step.

    Args:
      config: as the flags gave it.
      step: "best", "last" or the number of a kept checkpoint.

    Raises:
      InputError: there is no such checkpoint, or it cannot be read.
    """
    config = defaults.with_defaults(config)
    spec = defaults.model_spec(config)
    path = checkpoint_path(Workdir(config.run.workdir), step)
    average, number = restore_average(spec, path)
    converge(average)
    return Restored(config, spec, average, number, was_trained(path))
