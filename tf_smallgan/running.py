"""Wires data, networks and step into a training run."""

import contextlib
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan import config as config_lib
from tf_smallgan import pictures, settings
from tf_smallgan.config import Config
from tf_smallgan.data.batches import training_dataset
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.during_training import TrainingEvaluation
from tf_smallgan.models.sampler import Sampler
from tf_smallgan.observer import CoresetObserver, batch_plan, make_prior
from tf_smallgan.preparation import TrainingData, prepare
from tf_smallgan.training import strategy as strategies
from tf_smallgan.training.checkpoints import Checkpoints
from tf_smallgan.training.cluster import Cluster, cluster_of
from tf_smallgan.training.logs import MetricsFile, TensorBoard
from tf_smallgan.training.loop import Actions, Intervals, Loop
from tf_smallgan.training.state import TrainingState, build_state
from tf_smallgan.training.step import make_train_step
from tf_smallgan.workdir import Workdir

_PREVIEW_STANDING_BATCHES = 16
_PREVIEW_ROWS, _PREVIEW_COLUMNS = 10, 10


def train(config: Config) -> None:
    """Trains up to --train_steps, from the workdir's last checkpoint if there is one.

    Raises:
      InputError: flags, data or workdir do not fit.
    """
    workdir = Workdir(config.run.workdir)
    _refuse_unbuilt(config)
    strategy = strategies.make_strategy(config.run)
    strategies.check_batch(config.training.batch_size, strategy.num_replicas_in_sync)
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
    data = prepare(config, strategy=strategy)
    config = data.config
    with strategy.scope():
        state = build_state(
            settings.model_spec(config), config.training, config.run.seed
        )
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
                seen=observer.seen,
            )
            first_step = checkpoints.restore()
        cluster.check_same(first_step, f"--workdir={workdir.path} (the last step)")
        if first_step:
            print(f"Resumed from step {first_step}", flush=True)
        if first_step >= config.training.train_steps:
            print(
                f"Finished: step {first_step} of {config.training.train_steps} is "
                "reached. A larger --train_steps goes on."
            )
            return
        loop = _make_loop(config, data, strategy, state, checkpoints, own, observer)
        if loop.run():
            steps = config.training.train_steps
            print(f"Finished at step {steps}. {_results(workdir)}")


# Flags of the contract that the step does not read yet, by the value that is built.
_BUILT = {"remat": False, "microbatches": 1, "on_collapse": "stop"}


def _refuse_unbuilt(config: Config) -> None:
    """A flag without effect would be worse than none."""
    for name, value in _BUILT.items():
        asked = getattr(getattr(config, config_lib.section_of_flag(config, name)), name)
        if asked != value:
            raise InputError(f"--{name}={asked} is not built yet; leave it at {value}.")


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
    state: TrainingState,
    checkpoints: Checkpoints,
    workdir: Workdir,
    observer: CoresetObserver,
) -> Loop:
    first_step = int(state.step.numpy())
    board = TensorBoard(workdir.tensorboard)
    schedule = config.schedule
    return Loop(
        state=state,
        train_step=make_train_step(
            state,
            make_prior(config),
            config.training,
            strategy,
            jit_compile=strategies.compiles_step(strategy),
        ),
        batches=iter(distributed_batches(config, data, strategy, first_step)),
        checkpoints=checkpoints,
        metrics_file=MetricsFile(workdir.metrics, first_step),
        board=board,
        actions=Actions(
            sample=_preview(config, data, state, workdir, board),
            evaluate=TrainingEvaluation(config, data, state.average, strategy).scores,
            observe=observer.observe,
            report=observer.report,
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


def distributed_batches(
    config: Config,
    data: TrainingData,
    strategy: tf.distribute.Strategy,
    first_step: int,
) -> Any:
    """Batches for every replica, from `first_step` on."""
    plan = batch_plan(config, strategy.num_replicas_in_sync)

    def pipeline(context: tf.distribute.InputContext) -> tf.data.Dataset:
        replicas = strategies.local_replicas(strategy, context.input_pipeline_id)
        return training_dataset(
            data.read, data.table, data.embeddings, plan, first_step, replicas
        )

    return strategy.distribute_datasets_from_function(pipeline)


class Preview:
    """Sample grids of the averaged generator while training: a row a class."""

    def __init__(
        self, config: Config, state: TrainingState, workdir: Workdir, board: TensorBoard
    ):
        self._spec = settings.model_spec(config)
        self._config, self._state = config, state
        self._workdir, self._board = workdir, board
        self._sampler: Sampler | None = None

    def write(self, step: int) -> None:
        """Writes samples/step-N.png, the same latents every time."""
        sampler = self._fresh_sampler()
        rows = min(self._spec.num_classes or _PREVIEW_ROWS, _PREVIEW_ROWS)
        labels = np.repeat(np.arange(rows, dtype=np.int32), _PREVIEW_COLUMNS)
        images = sampler.images(
            sampler.latents(len(labels)), labels if self._spec.num_classes else None
        )
        sheet = pictures.sheet(images, _PREVIEW_COLUMNS)
        pictures.write_png(self._workdir.samples / f"step-{step:07}.png", sheet)
        self._board.image(step, "samples", sheet)

    def _fresh_sampler(self) -> Sampler:
        """Traced at the first call, fitted to the weights at each."""
        if self._sampler is not None:
            self._sampler.refresh()
            return self._sampler
        self._sampler = Sampler(
            self._state.average,
            self._spec,
            rule=self._config.sampling.truncation_rule,
            batch_size=min(self._config.training.batch_size, 64),
            seed=self._config.run.seed,
            standing_batches=_PREVIEW_STANDING_BATCHES,
        )
        return self._sampler
