"""Scores while training: fewer samples, and the pause is timed."""

import dataclasses
import time
from collections.abc import Callable

import keras
import tensorflow as tf

from tf_smallgan.config import Config, defaults
from tf_smallgan.config.commands import EvaluateConfig, EvaluateFlags
from tf_smallgan.config.parsing import sections_of
from tf_smallgan.console import Counter
from tf_smallgan.data.dataset import TrainingData
from tf_smallgan.distribution.strategy import whole_float32
from tf_smallgan.evaluation.evaluator import Measure, evaluate
from tf_smallgan.evaluation.setup import (
    check_spaces,
    open_measures,
    open_spaces,
    wanted_spaces,
)
from tf_smallgan.sampling.generators import CheckpointGenerator
from tf_smallgan.sampling.standing import state_kept

SECONDS = "evaluation_seconds"
_CLASSIFIER = "classifier_frechet_distance_"
_CUSTOM = "custom_inception_frechet_distance_"


@dataclasses.dataclass
class TrainingEvaluation:
    """Scores the averaged generator of a running training.

    The networks and the reference are opened at the first call, and kept. The
    average is afterwards what it was, batch norm statistics included.

    Attributes:
      config: completed; `schedule.eval_samples` are scored.
      data: the training data.
      average: the averaged generator.
      strategy: training's.
    """

    config: Config
    data: TrainingData
    average: keras.Model
    strategy: tf.distribute.Strategy | None = None
    say: Callable[[str], None] = print
    _measures: list[Measure] | None = None
    _generated: CheckpointGenerator | None = None

    @whole_float32()
    def scores(self, step: int) -> dict[str, float]:
        """Metric name to value, and `evaluation_seconds`, how long training paused.

        Raises:
          InputError: there are neither labels nor Inception weights.
        """
        start = time.monotonic()
        measures = self._open()
        counter = Counter(f"step {step}: scored")
        with state_kept(self.average):
            found = evaluate(
                self._open_generator(),
                measures,
                truncation=1.0,
                num_samples=self.config.schedule.eval_samples,
                seed=self.config.run.seed,
                strategy=self.strategy,
                report=counter,
            )
        counter.close()
        seconds = time.monotonic() - start
        names, numbers = zip(*found.values().items())
        values = dict(zip(names, self.data.cluster.of_chief(numbers)))
        self.say(f"step {step}: {summary(values)}; training paused {seconds:.1f} s")
        return values | {SECONDS: seconds}

    def _open(self) -> list[Measure]:
        if self._measures is None:
            config = scoring_config(self.config)
            names = wanted_spaces(config)
            spaces = open_spaces(config, self.data, names, self.strategy)
            check_spaces(spaces, self.data.cluster)
            self._measures = open_measures(
                spaces, self.data, config.evaluate, self.strategy, self.say
            )
        return self._measures

    def _open_generator(self) -> CheckpointGenerator:
        if self._generated is None:
            sampling = self.config.sampling
            self._generated = CheckpointGenerator(
                self.average,
                defaults.model_spec(self.config),
                rule=sampling.truncation_rule,
                seed=self.config.run.seed,
                bn="standing",
                standing_batches=sampling.standing_batches,
                strategy=self.strategy,
            )
        self._generated.weights_changed()
        return self._generated


def scoring_config(config: Config) -> EvaluateConfig:
    """What `evaluate` would be asked for to score as training does."""
    sections = {name: getattr(config, name) for name in sections_of(Config)}
    images = config.schedule.eval_reference_images
    return EvaluateConfig(**sections, evaluate=EvaluateFlags(reference_images=images))


def scored_how(config: Config) -> str:
    """How samples are drawn and what they are held against, which a resume may change.

    Its metric's name tells the network.
    """
    sampling, images = config.sampling, config.schedule.eval_reference_images
    return (
        f"{sampling.truncation_rule}, {sampling.standing_batches} standing batches, "
        f"{images or 'all'} real images"
    )


def is_missing(config: Config, step: int, rows: list[dict]) -> bool:
    """Whether a saved step is to be scored and has no scores among logged rows.

    A kill while it was scored leaves it so.
    """
    every, last = config.schedule.eval_every_steps, config.training.train_steps
    due = bool(every and step) and (step % every == 0 or step >= last)
    return due and not any(row["step"] == step and SECONDS in row for row in rows)


def deciding_metric(values: dict[str, float]) -> str:
    """The name of the metric that the best checkpoint has least of.

    FID where there is one, or the distance in the features of the Inception weights
    that were given in its place, else that in the classifier's.
    """
    names = [name for name in values if name.startswith(("fid_", _CUSTOM, _CLASSIFIER))]
    return min(names, key=lambda name: name.startswith(_CLASSIFIER))


def summary(values: dict[str, float]) -> str:
    """The figures to look at first."""
    name = deciding_metric(values)
    text = f"{name} {values[name]:.4g}"
    if "conditional_accuracy" in values:
        text += f", conditional accuracy {values['conditional_accuracy']:.1%}"
    return text
