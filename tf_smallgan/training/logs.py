"""What a run writes for people: metrics.jsonl, TensorBoard and a progress line."""

import collections
import contextlib
import json
import pathlib
import time
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.files import replacing


class MetricsFile:
    """One JSON object a line, each with its step.

    Opening at a restored step drops a torn last line and lines beyond that step.
    """

    def __init__(self, path: pathlib.Path, restored_step: int):
        self.path = path
        self.rewind(restored_step)

    def rewind(self, restored_step: int) -> None:
        """Drops a torn last line and the lines beyond a step.

        Raises:
          InputError: the file cannot be written.
        """
        kept = [row for row in read_metrics(self.path) if row["step"] <= restored_step]
        with _disk_errors(self.path), replacing(self.path) as partial:
            partial.write_text("".join(json.dumps(row) + "\n" for row in kept))

    def append(self, step: int, values: Mapping[str, float | str]) -> None:
        """Adds a line; a kill of the process cannot take it back.

        Raises:
          InputError: the file cannot be written.
        """
        row = {"step": step} | {
            k: v if isinstance(v, str) else _finite(v) for k, v in values.items()
        }
        with _disk_errors(self.path), self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


@contextlib.contextmanager
def _disk_errors(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} could not be written: {error}. Make room and run the same command "
            "again; it goes on from the last checkpoint."
        ) from error


def read_metrics(path: pathlib.Path) -> list[dict]:
    """The whole lines of metrics.jsonl or scores.jsonl; [] where there is no file."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue  # Torn by a kill.
    return rows


def _finite(value: float) -> float | str:
    """JSON has no NaN: it is written as text."""
    value = float(value)
    return value if np.isfinite(value) else str(value)


class Progress:
    """images/s from the steps since the last report, time left from more of them."""

    def __init__(self, batch_size: int, first_step: int, last_step: int):
        self._batch, self._last = batch_size, last_step
        self._step, self._time = first_step, time.monotonic()
        # (steps, seconds) of each of the last reports.
        self._past: collections.deque[tuple[int, float]] = collections.deque(maxlen=10)

    def rate(self, step: int) -> float:
        """Images a second since the last call: batch_size over seconds a step."""
        now = time.monotonic()
        elapsed = max(now - self._time, 1e-9)
        steps = step - self._step
        self._past.append((steps, elapsed))
        self._step, self._time = step, now
        return steps * self._batch / elapsed

    def restart(self, step: int) -> None:
        """Leaves what was done since the last report out of the next rate."""
        self._step, self._time = step, time.monotonic()

    def line(self, step: int, values: dict[str, float]) -> str:
        """`step 500/1000  D 1.23  G 0.45  120.5 images/s  left 0:02:10`."""
        rate = values["images_per_second"]
        return (
            f"step {step}/{self._last}  D {values['discriminator_loss']:.3f}  "
            f"G {values['generator_loss']:.3f}  {rate:,.1f} images/s  "
            f"left {clock(self._left(step))}"
        )

    def _left(self, step: int) -> float:
        """Seconds to the last step at the usual pace of the last reports.

        The median, as one of them may hold a step that compiles.
        """
        paces = [seconds / steps for steps, seconds in self._past if steps]
        return (self._last - step) * float(np.median(paces)) if paces else float("inf")


def clock(seconds: float) -> str:
    """`1:02:03`, or `unknown`."""
    if not np.isfinite(seconds):
        return "unknown"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


class TensorBoard:
    """Scalars and images by step."""

    def __init__(self, folder: pathlib.Path):
        self._writer = tf.summary.create_file_writer(str(folder))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """image [H, W, C] uint8."""
        with self._writer.as_default(step=step):
            tf.summary.image(name, image[None])

    def flush(self) -> None:
        self._writer.flush()
