"""The loop around the step: input, progress, samples, checkpoints. No gradients."""

import contextlib
import dataclasses
import signal
import types
from collections.abc import Callable, Iterator
from typing import Any

from tf_smallgan.console import ConsoleLine
from tf_smallgan.training.checkpoints import BestCheckpoint, Checkpoints
from tf_smallgan.training.collapse import Collapse, HealthWatch
from tf_smallgan.training.logs import MetricsFile, Progress, TensorBoard
from tf_smallgan.training.recovery import Recovery
from tf_smallgan.training.state import TrainingState


@dataclasses.dataclass(frozen=True)
class Intervals:
    """In steps; 0 turns one off."""

    checkpoint: int
    log: int
    sample: int
    evaluate: int


@dataclasses.dataclass(frozen=True)
class Actions:
    """What is done around a step.

    Attributes:
      sample: (step) writes a sample grid.
      evaluate: (step) returns scores.
      observe: (batch) sees every distributed batch that is trained on.
      report: (step) returns further metrics to log.
      was_diverse: (step) whether the log up to it shows that images were diverse.
      before_save: brings together what workers have apart.
    """

    sample: Callable[[int], None]
    evaluate: Callable[[int], dict[str, float]]
    observe: Callable[[Any], None]
    report: Callable[[int], dict[str, float]]
    was_diverse: Callable[[int], bool]
    before_save: Callable[[], None]


class StopRequest:
    """Set by Ctrl-C or SIGTERM; the loop then saves and ends.

    A second signal ends at once.

    Args:
      agree: a number to the largest of all workers', so that one's signal stops all
        after the same step.
    """

    def __init__(self, agree: Callable[[int], int] = lambda number: number) -> None:
        self.name = ""
        self._agree, self._number = agree, 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: types.FrameType | None) -> None:
        self._number = number
        signal.signal(number, self._previous[number])

    def agreed(self) -> bool:
        """Whether any worker was told to stop; all must ask after each step."""
        number = self._agree(int(self._number))
        self.name = signal.Signals(number).name if number else ""
        return bool(number)


@dataclasses.dataclass
class Loop:
    """Runs steps from the state's up to `last_step`.

    Attributes:
      train_step: a distributed batch to global metrics.
      open_input: gives distributed batches from the state's position on.
      agree: as `StopRequest` takes it.
    """

    state: TrainingState
    train_step: Callable[[Any], dict[str, Any]]
    open_input: Callable[[], Iterator[Any]]
    checkpoints: Checkpoints
    best: BestCheckpoint
    watch: HealthWatch
    recovery: Recovery
    metrics_file: MetricsFile
    board: TensorBoard
    actions: Actions
    intervals: Intervals
    batch_size: int
    last_step: int
    agree: Callable[[int], int]

    def catch_up(self) -> None:
        """Scores the restored step, as the run that saved it did not.

        Raises:
          InputError: something cannot be read or written.
        """
        self._line = ConsoleLine()
        self._step = int(self.state.step.numpy())
        self._score()
        self.board.flush()

    def run(self) -> bool:
        """Trains; returns whether the last step was reached.

        Raises:
          InputError: training collapsed and ends, or something cannot be written.
        """
        self._line = ConsoleLine()
        self._start(int(self.state.step.numpy()))
        with StopRequest(self.agree) as stop:
            while self._step < self.last_step and not stop.agreed():
                with self._recovering():
                    metrics = self._train()
                    self._log(metrics)
                    self._save()
                    self._sample()
                    self._evaluate()
            if self._step < self.last_step:
                self._end_early(stop.name)
        self._line.close()
        self.board.flush()
        return self._step >= self.last_step

    def _start(self, step: int) -> None:
        self._step = self._saved = step
        self._batches = self.open_input()
        self._progress = Progress(self.batch_size, step, self.last_step)
        self._go_on()

    def _go_on(self) -> None:
        """After something else: rates leave it out, and the next step too.

        That one compiles at the start, and again when the cache of TensorFlow's
        kernels was emptied meanwhile, as setting a global seed does.
        """
        self._progress.restart(self._step)
        self._compiling = self._step + 1

    def _due(self, interval: int) -> bool:
        """Every `interval` steps and at the end; never where it is 0."""
        last = self._step == self.last_step
        return bool(interval) and (self._step % interval == 0 or last)

    def _train(self) -> dict[str, Any]:
        batch = next(self._batches)
        self.actions.observe(batch)
        metrics = self.train_step(batch)
        self._step += 1
        self.watch.note(self._step, metrics)
        return metrics

    def _log(self, metrics: dict[str, Any]) -> None:
        if not self._due(self.intervals.log):
            if self._step == self._compiling:
                self._progress.restart(self._step)
            return
        values = {name: float(value) for name, value in metrics.items()}
        values["images_per_second"] = self._progress.rate(self._step)
        values |= self.actions.report(self._step)
        self.metrics_file.append(self._step, values)
        self.board.scalars(self._step, values)
        self._line.show(self._progress.line(self._step, values))
        self.watch.check()
        if self._saved < self._step and not self.watch.suspect:
            self.checkpoints.rotate()  # Steps after the newest one were healthy.
        self._progress.restart(self._step)

    def _save(self) -> None:
        """Saves where it is due, or was and the state looked sick then."""
        last = self._step == self.last_step
        interval = self.intervals.checkpoint
        overdue = interval and self._step // interval > self._saved // interval
        if not overdue and not last:
            return
        self._check_state()
        if self.watch.suspect and not last:
            return
        self.checkpoints.rotate()
        self._write()
        if self.watch.suspect:
            # For a look, and beside the healthy ones.
            self._say("Warning: the last steps look like the start of a collapse.")
        elif last:
            self.checkpoints.rotate()
        self._saved = self._step
        self._progress.restart(self._step)

    def _write(self) -> None:
        self.actions.before_save()
        self.checkpoints.save()

    def _check_state(self) -> None:
        self.watch.check_state(
            self._step,
            {
                "generator": self.state.generator,
                "discriminator": self.state.discriminator,
            },
        )

    def _sample(self) -> None:
        if self._due(self.intervals.sample):
            self._line.close()
            self.actions.sample(self._step)
            self._go_on()

    def _evaluate(self) -> None:
        if not self._due(self.intervals.evaluate):
            return
        self.watch.check()
        self._line.close()
        self._score()
        self._go_on()

    def _score(self) -> None:
        scores = self.actions.evaluate(self._step)
        self.actions.before_save()
        # The row comes last: where it is missing, a new start scores the step again.
        if not self.watch.suspect and self.best.offer(self._step, scores):
            self._say(f"Best so far: {self.best.describe()}")
        self.metrics_file.append(self._step, scores)
        self.board.scalars(self._step, scores)

    @contextlib.contextmanager
    def _recovering(self) -> Iterator[None]:
        """Goes back to the last healthy state at a collapse, where that is wanted."""
        try:
            yield
        except Collapse as collapse:
            self._line.close()
            event = self.recovery.after(collapse)
            step = int(self.state.step.numpy())
            self.metrics_file.rewind(step)
            self.watch.reset(step, self.actions.was_diverse(step))
            self.metrics_file.append(step, event)
            self._say(
                f"Training collapsed: {collapse}. Rollback {event['rollback']} to step "
                f"{step}, learning rates halved to {event['generator_lr']:.3g} (G) and "
                f"{event['discriminator_lr']:.3g} (D)."
            )
            self._start(step)

    def _end_early(self, signal_name: str) -> None:
        """Saves at a signal, unless the state is or looks sick."""
        with self._recovering():
            self._check_state()
            if self._saved != self._step and not self.watch.suspect:
                self._write()
                self._saved = self._step
        what = "saved at" if self._saved == self._step else "not saved, it looks sick:"
        self._say(
            f"{signal_name}: {what} step {self._step}. Run the same command again to "
            "go on."
        )

    def _say(self, text: str) -> None:
        self._line.close()
        print(text, flush=True)
