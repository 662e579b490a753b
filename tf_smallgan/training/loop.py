"""The loop around the step: input, progress, samples, checkpoints. No gradients."""

import dataclasses
import math
import signal
import types
from collections.abc import Callable, Iterator
from typing import Any

from tf_smallgan.errors import InputError
from tf_smallgan.training.checkpoints import Checkpoints
from tf_smallgan.training.logs import ConsoleLine, MetricsFile, Progress, TensorBoard
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
    """

    sample: Callable[[int], None]
    evaluate: Callable[[int], dict[str, float]]
    observe: Callable[[Any], None]
    report: Callable[[int], dict[str, float]]


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


def _refuse_collapse(step: int, values: dict[str, float]) -> None:
    """Stops at losses that are not finite: nothing good follows from them."""
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise InputError(
            f"Training collapsed: at step {step} {', '.join(bad)} is not finite. "
            "Earlier checkpoints are kept; lower --generator_lr and "
            "--discriminator_lr, and start from a fresh --workdir."
        )


@dataclasses.dataclass
class Loop:
    """Runs steps from the state's up to `last_step`.

    Attributes:
      train_step: a distributed batch to global metrics.
      batches: distributed batches, from the state's step on.
      agree: as `StopRequest` takes it.
    """

    state: TrainingState
    train_step: Callable[[Any], dict[str, Any]]
    batches: Iterator[Any]
    checkpoints: Checkpoints
    metrics_file: MetricsFile
    board: TensorBoard
    actions: Actions
    intervals: Intervals
    batch_size: int
    last_step: int
    agree: Callable[[int], int]

    def run(self) -> bool:
        """Trains; returns whether the last step was reached."""
        step = int(self.state.step.numpy())
        progress = Progress(self.batch_size, step, self.last_step)
        line = ConsoleLine()
        saved = step
        with StopRequest(self.agree) as stop:
            while step < self.last_step and not stop.agreed():
                batch = next(self.batches)
                self.actions.observe(batch)
                metrics = self.train_step(batch)
                step += 1
                if self._due(self.intervals.log, step):
                    self._log(step, metrics, progress, line)
                saved = self._act(step, saved, progress, line)
        line.close()
        if saved != step:
            self.checkpoints.save()
        self.board.flush()
        if stop.name:
            print(
                f"{stop.name}: saved at step {step}. Run the same command again to "
                "go on.",
                flush=True,
            )
        return step >= self.last_step

    def _due(self, interval: int, step: int) -> bool:
        """Every `interval` steps and at the end; never where it is 0."""
        return bool(interval) and (step % interval == 0 or step == self.last_step)

    def _log(self, step, metrics, progress: Progress, line: ConsoleLine) -> None:
        values = {name: float(value) for name, value in metrics.items()}
        _refuse_collapse(step, values)
        values["images_per_second"] = progress.rate(step)
        values |= self.actions.report(step)
        self.metrics_file.append(step, values)
        self.board.scalars(step, values)
        line.show(progress.line(step, values))

    def _act(self, step: int, saved: int, progress, line: ConsoleLine) -> int:
        """Saves, samples and evaluates where due; returns the last saved step."""
        acted = False
        if self._due(self.intervals.checkpoint, step):
            self.checkpoints.save()
            saved, acted = step, True
        if self._due(self.intervals.sample, step):
            line.close()
            self.actions.sample(step)
            acted = True
        if self._due(self.intervals.evaluate, step):
            line.close()
            scores = self.actions.evaluate(step)
            self.metrics_file.append(step, scores)
            self.board.scalars(step, scores)
            acted = True
        if acted:
            progress.restart(step)
        return saved
