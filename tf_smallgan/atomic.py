"""Files that are whole whenever they are there."""

import contextlib
import os
import pathlib
import uuid
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: str | pathlib.Path, suffix: str = "") -> Iterator[pathlib.Path]:
    """Gives a name to write to, which then takes the place of `path`.

    A kill, a full disk and an error leave the file that was there before. Processes
    may write the same file at the same time: each has a name of its own to write to,
    and the last one's stays.

    Args:
      path: the file; its folder is made where it is missing.
      suffix: what the name given ends with, for libraries that ask for one.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial{suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
