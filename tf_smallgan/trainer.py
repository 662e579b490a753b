"""Wires data, networks and step into a training run."""

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from tf_smallgan.config import Config, checks, defaults
from tf_smallgan.config.parsing import read_imported
from tf_smallgan.data.batches import records_of_step, training_dataset
from tf_smallgan.data.dataset import (
    TrainingData,
    check_weights_file,
    embedded,
    open_data,
)
from tf_smallgan.data.images import naming_unreadable, refuse_unreadable
from tf_smallgan.data.labels import has_unlabelled
from tf_smallgan.distribution import strategy as strategies
from tf_smallgan.distribution.cluster import Cluster, cluster_of
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.during_training import (
    TrainingEvaluation,
    deciding_metric,
    is_missing,
    scored_how,
    scoring_config,
)
from tf_smallgan.evaluation.setup import wanted_spaces
from tf_smallgan.sampling.grids import Preview
from tf_smallgan.training import ema, plan
from tf_smallgan.training.checkpoints import BestCheckpoint, Checkpoints
from tf_smallgan.training.collapse import HealthWatch, was_diverse
from tf_smallgan.training.logs import MetricsFile, TensorBoard, read_metrics
from tf_smallgan.training.loop import Actions, Intervals, Loop
from tf_smallgan.training.monitor import (
    CoresetObserver,
    batch_plan,
    largest,
    make_prior,
    spectrum_reader,
)
from tf_smallgan.training.recovery import Recovery
from tf_smallgan.training.state import TrainingState, build_state
from tf_smallgan.training.step import make_train_step
from tf_smallgan.workdir import Workdir


def train(config: Config) -> None:
    """Trains up to --train_steps, from the workdir's last checkpoint if there is one.

    Raises:
      InputError: flags, data or workdir do not fit.
    """
    workdir = Workdir(config.run.workdir)
    config = dataclasses.replace(config, imported=read_imported(config.run.workdir))
    if config.imported.statistics_truncations:
        raise InputError(
            f"--workdir={workdir.path} holds an imported generator with batch norm "
            "statistics of its own, which training cannot update: choose another "
            "--workdir to train in."
        )
    strategy = strategies.make_strategy(config.run)
    checks.check_run(config, strategy.num_replicas_in_sync)
    _check_disk(workdir)
    cluster = cluster_of(strategy)
    with cluster.together():
        print(strategies.describe(strategy), flush=True)
        _train_together(config, strategy, cluster, workdir)


def _train_together(
    config: Config,
    strategy: tf.distribute.Strategy,
    cluster: Cluster,
    workdir: Workdir,
) -> None:
    """What each worker does."""
    with cluster.chief_first():
        # Before anything is made for flags that the run cannot go on with.
        workdir.check_given(config)
    check_weights_file(config)
    data = open_data(config, cluster=cluster)
    _check_fits(data, strategy.num_replicas_in_sync)
    data = embedded(data, strategy=strategy)
    config = data.config
    if config.data.random_flip:
        print("Half of the images are mirrored at random; --norandom_flip: none.")
    spec = defaults.model_spec(config)
    with strategy.scope():
        state = build_state(spec, config.training, config.run.seed)
    observer = CoresetObserver(config, data, strategy)
    with contextlib.ExitStack() as stack:
        with cluster.chief_first():
            own = stack.enter_context(cluster.own_workdir(workdir))
            own.open(config)
        cluster.meet()
        # Together: restoring makes a variable, which the chief gives to all.
        with strategy.scope():
            checkpoints = Checkpoints(
                own.checkpoints,
                state,
                config.schedule.keep_checkpoints,
                config.schedule.keep_every_steps,
                seen=observer.seen,
            )
            first_step = checkpoints.restore()
        cluster.check_same(first_step, f"--workdir={workdir.path} (the last step)")
        recovery = _recovery(config, own, state, checkpoints)
        if first_step:
            print(f"Resumed from step {first_step}", flush=True)
        last = config.training.train_steps
        # The chief has the log.
        rows = read_metrics(own.metrics)
        (unscored,) = cluster.of_chief([is_missing(config, first_step, rows)])
        if first_step < last or unscored:
            loop = _make_loop(config, data, strategy, own, observer, recovery)
        if unscored:
            print(f"Step {first_step} was saved and not scored: now it is.", flush=True)
            loop.catch_up()
        if first_step >= last:
            print(
                f"Finished: step {first_step} of {last} is reached. A larger "
                "--train_steps goes on."
            )
            return
        for warning in (defaults.warning(spec), ema.warning(config.training)):
            if warning:
                print(warning, flush=True)
        print(
            f"Training from step {first_step} to {last}. The first step takes longest: "
            "its graph is built before it runs.",
            flush=True,
        )
        if loop.run():
            print(f"Finished at step {last}. {_results(workdir)}")


def _check_fits(data: TrainingData, replicas: int) -> None:
    """Raises InputError, before any long work, for what the flags cannot make."""
    plan.check_networks(defaults.model_spec(data.config))
    labelled = not has_unlabelled(data.table)
    batch_plan(data.config, replicas).check(data.table.num_images, labelled)
    if data.config.schedule.eval_every_steps:
        wanted_spaces(scoring_config(data.config))


def _recovery(
    config: Config, workdir: Workdir, state: TrainingState, checkpoints: Checkpoints
) -> Recovery:
    """What answers a collapse; all workers make it together, since it may save."""
    best = BestCheckpoint(
        workdir, checkpoints.save_to, deciding_metric, scored_how(config)
    )
    recovery = Recovery(
        workdir,
        state,
        checkpoints,
        best,
        roll_back=config.schedule.on_collapse == "rollback",
        most=config.schedule.max_rollbacks,
    )
    recovery.prepare()
    return recovery


def _results(workdir: Workdir) -> str:
    return f"Samples: {workdir.samples}, checkpoints: {workdir.checkpoints}"


def _check_disk(workdir: Workdir) -> None:
    folder = workdir.path
    while not folder.exists():
        folder = folder.parent
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < 50 * 2**20:
        raise InputError(
            f"The disk of --workdir={workdir.path} has {free_bytes / 2**20:.0f} MiB "
            "left, too little for a checkpoint; make room or choose another folder."
        )


def _make_loop(
    config: Config,
    data: TrainingData,
    strategy: tf.distribute.Strategy,
    workdir: Workdir,
    observer: CoresetObserver,
    recovery: Recovery,
) -> Loop:
    state = recovery.state
    board = TensorBoard(workdir.tensorboard)
    schedule = config.schedule

    def diverse_by(step: int) -> bool:
        # Decided by all workers together, and the chief has the log.
        found = was_diverse(read_metrics(workdir.metrics), step)
        return bool(data.cluster.of_chief([found])[0])

    return Loop(
        state=state,
        train_step=make_train_step(
            state,
            make_prior(config),
            config.training,
            strategy,
            jit_compile=strategies.compiles_step(strategy),
        ),
        open_input=lambda: _readable_batches(config, data, strategy, state.position()),
        checkpoints=recovery.checkpoints,
        best=recovery.best,
        watch=HealthWatch(was_diverse=diverse_by(int(state.step.numpy()))),
        recovery=recovery,
        metrics_file=MetricsFile(workdir.metrics, int(state.step.numpy())),
        board=board,
        actions=Actions(
            sample=_preview(config, data, state, workdir, board),
            evaluate=TrainingEvaluation(config, data, state.average, strategy).scores,
            observe=observer.observe,
            report=_reporter(state, observer, board),
            was_diverse=diverse_by,
            before_save=observer.join,
        ),
        intervals=Intervals(
            checkpoint=schedule.checkpoint_every_steps,
            log=schedule.log_every_steps,
            sample=schedule.sample_every_steps,
            evaluate=schedule.eval_every_steps,
        ),
        batch_size=config.training.batch_size,
        last_step=config.training.train_steps,
        agree=data.cluster.maximum,
    )


def _preview(
    config: Config,
    data: TrainingData,
    state: TrainingState,
    workdir: Workdir,
    board: TensorBoard,
) -> Callable[[int], None]:
    """Writes a sample grid at a step; only the chief draws one."""
    if not data.cluster.is_chief:
        return lambda step: None
    return Preview(config, state, workdir, board).write


def _reporter(
    state: TrainingState, observer: CoresetObserver, board: TensorBoard
) -> Callable[[int], dict[str, float]]:
    """What is logged beside the step's metrics; layer by layer on the board only."""
    spectrum = spectrum_reader(
        {"generator": state.generator, "discriminator": state.discriminator}
    )

    def report(step: int) -> dict[str, float]:
        layers = spectrum()
        board.scalars(step, layers)
        return observer.report(state.position()) | largest(layers)

    return report


def distributed_batches(
    config: Config,
    data: TrainingData,
    strategy: tf.distribute.Strategy,
    first_step: int,
) -> Any:
    """Batches for every replica, from `first_step` on."""
    drawn = batch_plan(config, strategy.num_replicas_in_sync)

    def pipeline(context: tf.distribute.InputContext) -> tf.data.Dataset:
        replicas = strategies.local_replicas(strategy, context.input_pipeline_id)
        return training_dataset(
            data.read, data.table, data.embeddings, drawn, first_step, replicas
        )

    return strategy.distribute_datasets_from_function(pipeline)


def _readable_batches(
    config: Config,
    data: TrainingData,
    strategy: tf.distribute.Strategy,
    first_step: int,
) -> Iterator[Any]:
    """Distributed batches; an image that does not decode is named."""
    replicas = strategy.num_replicas_in_sync
    drawn = batch_plan(config, replicas)

    def check(step: int) -> None:
        records = records_of_step(
            data.table, data.embeddings, drawn, step, range(replicas)
        )
        refuse_unreadable(data.read, data.table, records, drawn.channels)

    batches = iter(distributed_batches(config, data, strategy, first_step))
    return naming_unreadable(batches, first_step, check)
