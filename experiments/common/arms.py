"""The arms of the experiments: how a batch is come by."""

import dataclasses
from collections.abc import Sequence

from tf_smallgan import config as config_lib
from tf_smallgan.config import Config
from tf_smallgan.errors import InputError

# Of the published experiments, as far as they are known.
PRIOR_TIMES, DATA_TIMES = 4, 8


@dataclasses.dataclass(frozen=True)
class Arm:
    """One way to come by a batch.

    Attributes:
      batches: the batch that is trained on, in units of --batch_size.
      prior, data: the large batch over the batch, 1 without a core-set.
      method: of `coreset.METHODS`.
      prior_method: that of latents where it is another.
      weighted: with coverage weights.
      even: instead of a core-set, as even as it can be where the modes are known.
    """

    batches: int = 1
    prior: int = 1
    data: int = 1
    method: str = "k_center"
    weighted: bool = False
    prior_method: str | None = None
    even: bool = False

    def configure(self, config: Config) -> Config:
        """`config` with this arm's batch and core-sets."""
        return config_lib.replace(
            config,
            batch_size=config.training.batch_size * self.batches,
            prior_oversample=self.prior,
            data_oversample=self.data,
            coreset_method=self.method,
            prior_coreset_method=self.prior_method,
            coreset_weights=self.weighted,
        )


def _both(method: str, weighted: bool = False) -> Arm:
    return Arm(1, PRIOR_TIMES, DATA_TIMES, method, weighted)


ARMS = {
    "plain": Arm(),
    "plain_4b": Arm(batches=4),
    "plain_8b": Arm(batches=8),
    "prior": Arm(prior=PRIOR_TIMES),
    "prior_weights": Arm(prior=PRIOR_TIMES, weighted=True),
    "data": Arm(data=DATA_TIMES),
    "data_weights": Arm(data=DATA_TIMES, weighted=True),
    "both": _both("k_center"),
    "both_weights": _both("k_center", weighted=True),
    "stratified": _both("stratified"),
    "stratified_weights": _both("stratified", weighted=True),
    "d_squared": _both("d_squared"),
    "robust": _both("robust"),
    "balanced": _both("balanced"),
    "balanced_prior": Arm(prior=PRIOR_TIMES, method="balanced"),
    "balanced_data": Arm(data=DATA_TIMES, method="balanced"),
    "stratified_data": Arm(data=DATA_TIMES, method="stratified"),
    "stratified_data_weights": Arm(data=DATA_TIMES, method="stratified", weighted=True),
    "mixed": Arm(1, PRIOR_TIMES, DATA_TIMES, "stratified", prior_method="balanced"),
    "mixed_k_center": Arm(
        1, PRIOR_TIMES, DATA_TIMES, "k_center", prior_method="balanced"
    ),
    "uniform": _both("uniform"),
}

# On the grids the modes are known.
GRID_ARMS = ARMS | {"even": Arm(even=True)}

# Both sides oversampled alike, against as much of a larger batch.
SIZED_ARMS = {
    "plain": Arm(),
    "k_center_4x": Arm(prior=4, data=4),
    "k_center_8x": Arm(prior=8, data=8),
    "balanced_4x": Arm(prior=4, data=4, method="balanced"),
    "balanced_8x": Arm(prior=8, data=8, method="balanced"),
    "plain_4b": Arm(batches=4),
}


def named(names: Sequence[str], among: dict[str, Arm] = ARMS) -> dict[str, Arm]:
    """The arms of these names.

    Raises:
      InputError: there is no such arm.
    """
    for name in names:
        if name not in among:
            raise InputError(
                f"--arms has {name!r}, which is no arm: use {', '.join(among)}."
            )
    return {name: among[name] for name in names}
