"""Results of an experiment: a CSV that grows run by run, and what it says."""

import contextlib
import csv
import errno
import fcntl
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tf_smallgan import config as config_lib
from tf_smallgan.config import Config
from tf_smallgan.errors import InputError
from tf_smallgan.files import replacing
from tf_smallgan.workdir import check_local

Row = dict[str, Any]

RESULTS_DIR = "docs/results"

# Flags that published rows were made with and that are gone: what they were set to.
REMOVED_FLAGS: dict[str, Any] = {
    "batch_norm_epsilon": 1e-5,
    "class_embedding_dim": 128,
    "fused_resampling": True,
    "lean_to_image": False,
    "spectral_norm": "auto",
    "statistics_truncations": (),
}


def results_dir(config: Config, quick: bool) -> pathlib.Path:
    """Where an experiment's results are and go."""
    check_local("workdir", config.run.workdir)
    folder = pathlib.Path(config.run.workdir or RESULTS_DIR)
    return folder / "quick" if quick else folder


def flag_values(config: Config, names: Iterable[str]) -> dict[str, Any]:
    """What flags are set to, by their names: columns that say what a row is of."""
    return {
        name: REMOVED_FLAGS[name]
        if name in REMOVED_FLAGS
        else getattr(getattr(config, config_lib.section_of_flag(config, name)), name)
        for name in names
    }


class ResultsTable:
    """Rows in a CSV, each there for good once it is added.

    Args:
      path: the file; an existing one is gone on with.
      key: columns that say which run a row is of.
    """

    def __init__(self, path: pathlib.Path, key: Sequence[str]):
        self.path, self.key = path, tuple(key)
        self.rows: list[Row] = read_rows(path)
        if self.rows and not set(key) <= set(self.rows[0]):
            raise InputError(
                f"{path} has not the columns {', '.join(key)}: it is of another "
                "experiment or revision; give another --workdir."
            )

    def has(self, **key: Any) -> bool:
        """Whether the run is there already."""
        wanted = tuple(str(key[name]) for name in self.key)
        return any(self._key_of(row) == wanted for row in self.rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Writes the table with more rows, under another name first.

        Rows that another command has added since are kept, and those of `rows` that it
        was first with are left out.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        ours = {self._key_of(row) for row in self.rows}
        with locked(self.path.parent):
            self.rows = read_rows(self.path) or self.rows
            theirs = {self._key_of(row) for row in self.rows} - ours
            added = [{name: str(x) for name, x in row.items()} for row in rows]
            self.rows += [row for row in added if self._key_of(row) not in theirs]
            columns = list(dict.fromkeys(name for row in self.rows for name in row))
            with (
                replacing(self.path) as partial,
                partial.open("w", newline="") as file,
            ):
                writer = csv.DictWriter(file, columns, lineterminator="\n")
                writer.writeheader()
                writer.writerows(self.rows)

    def select(self, **values: Any) -> list[Row]:
        """Rows whose columns have these values."""
        return [
            row
            for row in self.rows
            if all(row.get(name) == str(value) for name, value in values.items())
        ]

    def _key_of(self, row: Row) -> tuple[str, ...]:
        return tuple(row.get(name, "") for name in self.key)


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Iterator[None]:
    """Waits until no other process is in such a block for this folder.

    Where the file system has no locks, nobody waits.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
                raise
        yield
    finally:
        os.close(handle)


def read_rows(path: pathlib.Path) -> list[Row]:
    """All rows as text; [] where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def mean_and_interval(values: Iterable[float]) -> tuple[float, float]:
    """The mean and half of Student's 95% interval, NaN for fewer than two values."""
    from scipy import stats

    array = np.asarray(list(values), float)
    if len(array) < 2:
        return float(array.mean()) if len(array) else float("nan"), float("nan")
    error = array.std(ddof=1) / np.sqrt(len(array))
    return float(array.mean()), float(stats.t.ppf(0.975, len(array) - 1) * error)


def shown(mean: float, interval: float, digits: int = 1) -> str:
    """A mean and its interval as text: "12.3 ± 0.4"."""
    mean = round(mean, digits) + 0.0  # which has no "-0.0"
    if np.isnan(interval):
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {interval:.{digits}f}"
