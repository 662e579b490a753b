"""Puts together what is scored and what it is scored against."""

import dataclasses
import pathlib
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan.config import defaults
from tf_smallgan.config.commands import EvaluateConfig, EvaluateFlags
from tf_smallgan.console import Counter
from tf_smallgan.data.dataset import TrainingData, open_data
from tf_smallgan.data.records import UNLABELLED
from tf_smallgan.distribution.cluster import Cluster, cluster_of
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.evaluator import Measure
from tf_smallgan.evaluation.features import FeatureSpace, classifier_space
from tf_smallgan.evaluation.reference import load_or_compute, load_reference
from tf_smallgan.files import fingerprint
from tf_smallgan.models.inception import HOW_TO_GET_WEIGHTS
from tf_smallgan.sampling.generators import (
    CheckpointGenerator,
    ExportedGenerator,
    GeneratedImages,
    check_exported_data,
)
from tf_smallgan.training.checkpoint_files import checkpoint_path
from tf_smallgan.training.state import restore_generator
from tf_smallgan.workdir import (
    Workdir,
    check_exported_rule,
    check_exported_truncation,
    check_local,
    check_writable,
)

Say = Callable[[str], None]


def wanted_spaces(config: EvaluateConfig) -> tuple[str, ...]:
    """Names of the feature spaces to score in, the main one last.

    Raises:
      InputError: there are neither labels nor Inception weights.
    """
    choice = config.evaluate.feature_space
    # One class leaves a classifier nothing to learn.
    labelled = (config.data.num_classes or 0) > 1
    weights = bool(config.coreset.inception_weights or config.evaluate.inception_module)
    spaces = {
        "auto": ("classifier",) * labelled + ("inception",) * weights,
        "both": ("classifier", "inception"),
    }.get(choice, (choice,))
    if not spaces or ("classifier" in spaces and not labelled):
        raise InputError(
            f"--feature_space={choice}: --dataset={config.data.dataset} has no two "
            "classes to train a classifier on, so scores need the Inception network. "
            + HOW_TO_GET_WEIGHTS
        )
    return spaces


def check_options(config: EvaluateConfig) -> None:
    """Raises InputError for values that would fail only after long work."""
    options = config.evaluate
    check_local("report", options.report)
    if not options.truncations:
        raise InputError("--truncations is empty; give for example --truncations=1.")
    if options.reference and options.reference_images:
        raise InputError(
            f"--reference_images={options.reference_images}: the images of "
            f"--reference={options.reference} are those that it was made of; give one "
            "of the two."
        )
    if options.reference_images == 1:
        raise InputError("--reference_images=1 has no spread; give at least 2, or 0.")
    if options.export_dir:
        _check_export_options(options)
    else:
        defaults.check_truncations(
            config, options.truncations, "truncations", options.bn
        )


def _check_export_options(options: EvaluateFlags) -> None:
    """Refuses flags that choose among what an export has only one of."""
    for name, default in (("weights", "average"), ("step", "last"), ("bn", "standing")):
        value = getattr(options, name)
        if value != default:
            raise InputError(
                f"--{name}={value}: --export_dir={options.export_dir} holds the "
                "averaged weights of one step with the statistics that were written "
                "with them; score --workdir without --export_dir."
            )


def results_folder(config: EvaluateConfig) -> pathlib.Path:
    """Where scores go."""
    if config.evaluate.results_dir:
        check_local("results_dir", config.evaluate.results_dir)
        folder = pathlib.Path(config.evaluate.results_dir)
        check_writable("results_dir", folder)
        return folder
    if not config.run.workdir:
        raise InputError(
            "--results_dir is not set: without --workdir, name the folder that the "
            "scores of --export_dir go to."
        )
    folder = Workdir(config.run.workdir).evaluation
    check_writable("workdir", folder)
    return folder


def open_spaces(
    config: EvaluateConfig,
    data: TrainingData | None,
    names: tuple[str, ...],
    strategy: tf.distribute.Strategy | None,
) -> list[FeatureSpace]:
    """The networks that images are compared in."""
    spaces = []
    if "classifier" in names:
        assert data is not None
        spaces.append(classifier_space(data.classifier(), strategy))
    if "inception" in names:
        spaces.append(_inception(config, strategy))
    return spaces


def _inception(
    config: EvaluateConfig, strategy: tf.distribute.Strategy | None
) -> FeatureSpace:
    # Imported only here, since most runs do without.
    if config.evaluate.inception_module:
        from tf_smallgan.evaluation.features import module_space

        return module_space(config.evaluate.inception_module, strategy)
    from tf_smallgan.evaluation.features import inception_space

    return inception_space(config.coreset.inception_weights, strategy)


def check_spaces(spaces: list[FeatureSpace], cluster: Cluster) -> None:
    """Refuses workers whose networks differ: their features would be mixed."""
    for space in spaces:
        cluster.check_same(
            zlib.crc32(space.hash.encode()),
            f"the {space.name} network (--cache_dir, --results_dir or its weights)",
        )


def _check_source(facts: dict[str, Any], folder: str, cluster: Cluster) -> None:
    """Refuses workers that would draw from different generators."""
    if "step" in facts:
        cluster.check_same(facts["step"], f"--workdir={folder} (the step to score)")
    else:
        graph = pathlib.Path(facts["export"], "saved_model.pb").read_bytes()
        cluster.check_same(zlib.crc32(graph), f"--export_dir={folder} (the version)")


def open_measures(
    spaces: list[FeatureSpace],
    data: TrainingData | None,
    options: EvaluateFlags,
    strategy: tf.distribute.Strategy | None,
    say: Say = print,
) -> list[Measure]:
    """Each space with its reference: imported where it fits, else cached or computed.

    Args:
      options: --reference is a file for the last space.
    """
    measures = []
    for space in spaces:
        if options.reference and space is spaces[-1]:
            reference = load_reference(options.reference, space)
        else:
            assert data is not None
            counter = Counter(f"embedded ({space.name})")
            reference = load_or_compute(
                data, space, strategy, counter, options.reference_images
            )
            counter.close()
        count = "?" if reference.count is None else f"{reference.count:,}"
        say(f"Reference ({space.name}): {count} images, {reference.path}")
        measures.append(Measure(space, reference))
    return measures


def needs_data(config: EvaluateConfig, names: tuple[str, ...]) -> bool:
    """Whether real images are needed: not for Inception against an imported file."""
    return names != ("inception",) or not config.evaluate.reference


def open_generator(
    config: EvaluateConfig, strategy: tf.distribute.Strategy | None
) -> tuple[GeneratedImages, dict[str, Any]]:
    """What is scored, and facts about it.

    Raises:
      InputError: there is no checkpoint or export, or it does not fit the data.
    """
    options = config.evaluate
    spec = defaults.model_spec(config)
    if options.export_dir:
        against_data = needs_data(config, wanted_spaces(config))
        if against_data:
            check_exported_data(options.export_dir, config)
        check_exported_rule(options.export_dir, config.sampling.truncation_rule)
        export = ExportedGenerator(
            options.export_dir, spec if against_data else None, config.run.seed
        )
        return export, {"ema": True, **export.facts}
    workdir = Workdir(config.run.workdir)
    path = checkpoint_path(workdir, options.step)
    with (strategy or tf.distribute.get_strategy()).scope():
        generator, step = restore_generator(spec, path, options.weights)
    weights_hash = fingerprint(v.numpy() for v in generator.trainable_variables)
    source = CheckpointGenerator(
        generator,
        spec,
        rule=config.sampling.truncation_rule,
        seed=config.run.seed,
        bn=options.bn,
        standing_batches=config.sampling.standing_batches,
        strategy=strategy,
    )
    return source, {
        "workdir": str(workdir.path),
        "checkpoint": path,
        "step": step,
        "ema": options.weights == "average",
        "generator_hash": weights_hash,
        **source.facts,
    }


@dataclasses.dataclass
class Session:
    """Everything that a run of `evaluate` works with.

    Attributes:
      data: None where no real image is needed.
      facts: of what is scored.
      cluster: the workers that score together; its chief alone writes.
      label_shares: [K] of the samples' classes; None for all alike.
    """

    config: EvaluateConfig
    cluster: Cluster
    data: TrainingData | None
    source: GeneratedImages
    facts: dict[str, Any]
    measures: list[Measure]
    folder: pathlib.Path
    label_shares: np.ndarray | None = None


def _label_shares(
    options: EvaluateFlags, data: TrainingData | None, num_classes: int
) -> np.ndarray | None:
    """The classes' shares that --labels asks for; None for all alike.

    Raises:
      InputError: they are to be the data's, and no data or no labels are there.
    """
    if options.labels == "balanced":
        return None
    if not num_classes:
        raise InputError("--labels=data: this generator takes no labels; leave it out.")
    if data is None:
        raise InputError(
            "--labels=data needs the real images, and none are read here: they are "
            "scored against --reference alone. Leave one of the two out."
        )
    labels = data.table.labels[data.table.labels != UNLABELLED]
    if not len(labels):
        raise InputError(
            f"--labels=data: no image of {data.table.source} has a label; leave it out."
        )
    return np.bincount(labels, minlength=num_classes) / len(labels)


def open_session(
    config: EvaluateConfig, strategy: tf.distribute.Strategy | None, say: Say = print
) -> Session:
    """Checks the flags, then opens the data, the networks and what is scored.

    Raises:
      InputError: flags, data, workdir or export do not fit.
    """
    options = config.evaluate
    check_options(config)
    folder = results_folder(config)
    if options.export_dir:
        for truncation in options.truncations:
            check_exported_truncation(options.export_dir, truncation, "truncations")
    if not config.run.workdir and not config.data.cache_dir:
        config = dataclasses.replace(
            config,
            data=dataclasses.replace(config.data, cache_dir=str(folder / "cache")),
        )
    data = None
    completed = defaults.with_defaults(config)
    names = wanted_spaces(completed)
    cluster = cluster_of(strategy) if strategy else Cluster()
    if options.report and cluster.is_chief:
        check_writable("report", pathlib.Path(options.report).parent)
    source, facts = open_generator(completed, strategy)
    _check_source(facts, options.export_dir or config.run.workdir, cluster)
    if needs_data(completed, names):
        data = open_data(config, say, cluster)
        # Of the labels that the images have.
        completed = dataclasses.replace(completed, data=data.config.data)
        names = wanted_spaces(completed)
    shares = _label_shares(options, data, source.num_classes)
    facts["labels"] = "balanced" if shares is None else "data"
    spaces = open_spaces(completed, data, names, strategy)
    check_spaces(spaces, cluster)
    measures = open_measures(spaces, data, options, strategy, say)
    return Session(completed, cluster, data, source, facts, measures, folder, shares)
