"""The steps of `evaluate`: open, score each truncation, write."""

import pathlib
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import tensorflow as tf

from tf_smallgan.config.commands import EvaluateConfig
from tf_smallgan.config.flags import SamplingFlags
from tf_smallgan.console import Counter
from tf_smallgan.data import labels
from tf_smallgan.distribution import strategy as strategies
from tf_smallgan.distribution.cluster import cluster_of
from tf_smallgan.distribution.strategy import whole_float32
from tf_smallgan.evaluation import evaluator, report, results
from tf_smallgan.evaluation.evaluator import Evaluation
from tf_smallgan.evaluation.report import Content, best_of
from tf_smallgan.evaluation.setup import Session, open_session
from tf_smallgan.training.logs import read_metrics
from tf_smallgan.workdir import Workdir


@whole_float32()
def evaluate(config: EvaluateConfig) -> list[Evaluation]:
    """Scores each of --truncations, then writes what was asked for.

    Raises:
      InputError: flags, data, workdir or export do not fit.
    """
    strategy = strategies.make_strategy(config.run)
    with cluster_of(strategy).together():
        print(strategies.describe(strategy), flush=True)
        return _evaluate_together(config, strategy)


def _evaluate_together(
    config: EvaluateConfig, strategy: tf.distribute.Strategy
) -> list[Evaluation]:
    """What each worker does: samples are drawn together, the chief writes."""
    options = config.evaluate
    session = open_session(config, strategy)
    found = [_score(session, strategy, t) for t in options.truncations]
    if len(found) > 1 and session.cluster.is_chief:
        write_sweep(session, found)
    if options.report:
        content = report_content(session, found)
        if session.cluster.is_chief:
            report.write(pathlib.Path(options.report), content)
            print(f"Report: {options.report}")
    return found


def _score(
    session: Session, strategy: tf.distribute.Strategy, truncation: float
) -> Evaluation:
    """Scores at one truncation, prints it and keeps it."""
    options = session.config.evaluate
    counter = Counter("scored")
    evaluation = evaluator.evaluate(
        session.source,
        session.measures,
        truncation=truncation,
        num_samples=options.num_samples,
        seed=session.config.run.seed,
        strategy=strategy,
        report=counter,
        label_shares=session.label_shares,
    )
    counter.close()
    facts, measures = session.facts, session.measures
    if session.cluster.is_chief:
        record = evaluator.describe(evaluation, measures, facts)
        # Printed first: a disk may be full by now.
        print("\n".join(results.lines(evaluation, measures, facts)), flush=True)
        path = results.append_record(session.folder, record | {"software": versions()})
        print(f"Scores: {path}", flush=True)
    return evaluation


def write_sweep(session: Session, found: Sequence[Evaluation]) -> None:
    """Writes the curve as CSV, and as PNG for each feature space."""
    what = sweep_name(session.facts)
    table = session.folder / f"sweep-{what}.csv"
    results.write_table(table, found)
    print(f"Sweep: {table}")
    for space, _ in session.measures:
        curve = results.curve_of(found, space)
        if curve is None:
            continue
        path = session.folder / f"sweep-{what}-{space.name}.png"
        subtitle = f"{what}, {found[0].num_samples:,} samples, {space.name} features"
        results.draw(path, curve, subtitle)
        print(f"Sweep: {path}")
        print(
            f"  least {curve.distance_name}: {best_point(curve, curve.best_distance)}"
        )
        print(f"  best {curve.fidelity_name}: {best_point(curve, curve.best_fidelity)}")


def sweep_name(facts: dict[str, Any]) -> str:
    """Tells sweeps apart: as "step-0005000", "step-0005000-trained-moving-scale".

    What is the default is not named.
    """
    if "step" in facts:
        parts = [f"step-{facts['step']:07}"]
        parts += [] if facts["ema"] else ["trained"]
        parts += [] if facts["bn"] == "standing" else [facts["bn"]]
    else:
        path = pathlib.Path(facts["export"]).absolute()
        parts = [f"export-{path.parent.name}-{path.name}"]
    parts += ["labels-of-data"] if facts["labels"] == "data" else []
    default = SamplingFlags().truncation_rule
    rule = facts["truncation_rule"]
    return "-".join(parts + ([] if rule == default else [rule]))


def best_point(curve: results.Curve, row: int) -> str:
    """A marked point in words."""
    return (
        f"truncation {curve.truncations[row]:g}, distance {curve.distances[row]:.6g}, "
        f"fidelity {curve.fidelities[row]:.6g}"
    )


def report_content(session: Session, found: Sequence[Evaluation]) -> Content:
    """What the HTML page shows; draws samples."""
    best = best_of(found, session.measures)
    # All workers draw its sheets. By identity: evaluations hold arrays.
    place = next(i for i, evaluation in enumerate(found) if evaluation is best)
    best = found[int(session.cluster.of_chief([place])[0])]
    data, config = session.data, session.config
    pairs, names = {}, None
    if data is not None:
        pairs = report.nearest_pairs(best, session.measures, data)
        names = data.source.class_names
    rows = []
    if config.run.workdir:
        rows = read_metrics(Workdir(config.run.workdir).metrics)
    return Content(
        title=f"Evaluation: {config.data.dataset}, {config.data.resolution} px",
        evaluations=found,
        measures=session.measures,
        facts=session.facts,
        class_names=labels.names_of(names, best.num_classes),
        sheets=report.class_sheets(session.source, best.truncation),
        pairs=pairs,
        metrics=rows,
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Of the software that numbers may depend on."""
    names = ("tensorflow", "keras", "tensorflow-gan", "numpy")
    found = {"python": platform.python_version()}
    for name in names:
        found[name] = metadata.version(name)
    return found
