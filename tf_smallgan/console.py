"""One line of progress: how far, how fast, how long still."""

import sys
import time
from collections.abc import Callable


class ProgressLine:
    """A `Report` that writes a line now and then.

    What was done before the first call, by a run that was killed, does not count
    as speed.
    """

    def __init__(
        self,
        verb: str,
        write: Callable[[str], None],
        every_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Starts the clock.

        Args:
          verb: what is done to the images, such as `embedding`.
          write: gets each line.
          every_seconds: no more often than this, except for the last line.
          clock: seconds.
        """
        self._verb, self._write, self._clock = verb, write, clock
        self._every_seconds = every_seconds
        self._start = self._written = clock()
        self._first_done: int | None = None
        self._written_done = -1

    def __call__(self, done: int, total: int) -> None:
        """Reports `done` of `total` images."""
        now = self._clock()
        if self._first_done is None:
            self._first_done, self._start = done, now
        if done < total and now - self._written < self._every_seconds:
            return
        if done == self._written_done == total:
            return
        self._written, self._written_done = now, done
        self._write(
            f"{self._verb} {done:,} of {total:,} images{self._pace(done, total)}"
        )

    def _pace(self, done: int, total: int) -> str:
        seconds = self._clock() - self._start
        new = done - (self._first_done or 0)
        if new <= 0 or seconds <= 0:
            return ""
        rate = new / seconds
        return f", {rate:,.0f} images/s, {_duration((total - done) / rate)} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


class ConsoleLine:
    """Rewrites one line on a terminal; writes whole lines elsewhere.

    Args:
      every_seconds: elsewhere, lines that follow sooner are held back; the last is
        written when the line is closed.
    """

    def __init__(self, every_seconds: float = 0.0):
        self._terminal = sys.stdout.isatty()
        self._every, self._last = every_seconds, -float("inf")
        self._open = False
        self._held = ""

    def show(self, text: str) -> None:
        """Shows `text` in place of what was shown before."""
        if self._terminal:
            print(f"\r\x1b[K{text}", end="", flush=True)
            self._open = True
        elif time.monotonic() - self._last >= self._every:
            self._last, self._held = time.monotonic(), ""
            print(text, flush=True)
        else:
            self._held = text

    def close(self) -> None:
        """Ends the line, so that what is printed next starts on its own."""
        if self._open:
            print(flush=True)
        if self._held:
            print(self._held, flush=True)
        self._open, self._held = False, ""


class Counter:
    """A progress callback (done, total) that keeps to one line.

    Args:
      verb: what is done to images, for example "embedding".
    """

    def __init__(self, verb: str):
        self._line = ConsoleLine(every_seconds=10.0)
        self._report = ProgressLine(verb, self._line.show)

    def __call__(self, done: int, total: int) -> None:
        self._report(done, total)

    def close(self) -> None:
        """Ends the line."""
        self._line.close()
