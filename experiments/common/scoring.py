"""Scores of a trained run under several settings of sampling, by `evaluation`."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from experiments.common.runs import StudyRun
from tf_smallgan import config as config_lib
from tf_smallgan.config.commands import EvaluateConfig
from tf_smallgan.errors import InputError


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How the checkpoint of a run's last step is sampled.

    Attributes:
      weights: "average" or "trained".
      bn: "standing" or "moving".
      truncation: as the rule has them.
    """

    weights: str = "average"
    bn: str = "standing"
    truncation: float = 1.0

    @property
    def key(self) -> dict[str, Any]:
        """The columns that tell this setting from others."""
        return dataclasses.asdict(self)


PLAIN = Sampling()


def score_run(
    run: StudyRun, samplings: Sequence[Sampling], num_samples: int
) -> dict[Sampling, dict[str, float]]:
    """Frechet distance in the classifier's features and conditional accuracy of each.

    The data, the classifier and the reference are opened once.

    Raises:
      InputError: the run has no checkpoint, or its data set no labels.
    """
    from tf_smallgan.distribution import strategy as strategies
    from tf_smallgan.evaluation import evaluator
    from tf_smallgan.evaluation.setup import open_generator, open_session

    config = evaluation_config(run, num_samples)
    strategy = strategies.make_strategy(config.run)
    session = open_session(config, strategy)
    found = {}
    for weights, bn in sorted({(each.weights, each.bn) for each in samplings}):
        chosen = config_lib.replace(session.config, weights=weights, bn=bn)
        source, _ = open_generator(chosen, strategy)
        for sampling in samplings:
            if (sampling.weights, sampling.bn) != (weights, bn):
                continue
            evaluation = evaluator.evaluate(
                source,
                session.measures,
                truncation=sampling.truncation,
                num_samples=num_samples,
                seed=run.seed,
                strategy=strategy,
            )
            scores = evaluation.scores["classifier"]
            found[sampling] = {
                name: _known(scores.value_of(name), name)
                for name in ("frechet_distance", "conditional_accuracy")
            }
    return found


def evaluation_config(run: StudyRun, num_samples: int) -> EvaluateConfig:
    """What `evaluate --workdir=...` would read of the run, scored by the classifier."""
    flags = [
        f"--workdir={run.workdir.path}",
        f"--cache_dir={run.config.data.cache_dir}",
        f"--data_dir={run.config.data.data_dir}",
        f"--standing_batches={run.config.sampling.standing_batches}",
        f"--truncation_rule={run.config.sampling.truncation_rule}",
        f"--num_samples={num_samples}",
        f"--reference_images={run.config.schedule.eval_reference_images or 0}",
        f"--step={run.config.training.train_steps}",
        "--feature_space=classifier",
    ]
    return config_lib.parse(flags, config_lib.EVALUATE)


def _known(value: float | None, name: str) -> float:
    if value is None:
        raise InputError(
            f"No {name} could be computed: the run is not conditional on its classes; "
            "train with --conditional."
        )
    return value
