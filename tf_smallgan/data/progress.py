"""One line of progress: how far, how fast, how long still."""

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
