"""Version folders: written whole under another name, then renamed."""

import contextlib
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterator

from tf_smallgan.errors import InputError
from tf_smallgan.workdir import check_name

_PARTIAL = ".partial-"
# Statistics of a large generator take long, and nothing is written meanwhile.
_ABANDONED_S = 24 * 3600


def versions_in(folder: pathlib.Path) -> list[int]:
    """The versions below a model's folder, rising."""
    if not folder.is_dir():
        return []
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal())


@contextlib.contextmanager
def new_version(export_dir: str) -> Iterator["NewVersion"]:
    """A folder to fill, which becomes the next version when the block ends well.

    Servers that watch `export_dir` never see a half-written version: they take
    integer names only, and a rename is atomic. A block that fails leaves nothing.

    Raises:
      InputError: no folder was given, or it cannot be written.
    """
    if not export_dir:
        raise InputError(
            "--export_dir is not set: name the model's folder, for example "
            "--export_dir=exports/digits."
        )
    check_name("export_dir", export_dir)
    parent = pathlib.Path(export_dir)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _clear_unfinished(parent)
        partial = pathlib.Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=parent))
    except OSError as error:
        raise InputError(
            f"--export_dir={export_dir} cannot be written: {error.strerror}."
        ) from error
    version = NewVersion(partial)
    try:
        yield version
        version.final = _rename(partial, parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _clear_unfinished(parent: pathlib.Path) -> None:
    """Removes what a killed exporter left, once nobody can be writing it any more."""
    for left in parent.glob(f"{_PARTIAL}*"):
        with contextlib.suppress(OSError):  # Its exporter is at work.
            newest = max((p.stat().st_mtime for p in left.rglob("*")), default=0)
            if time.time() - max(newest, left.stat().st_mtime) > _ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)


class NewVersion:
    """A version being written.

    Attributes:
      path: the folder to fill.
      final: where it lies once the block has ended.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.final: pathlib.Path | None = None


def _rename(partial: pathlib.Path, parent: pathlib.Path) -> pathlib.Path:
    """Renames to the next free integer; another exporter may take it first."""
    partial.chmod(0o755)  # mkdtemp's 0700 would shut out a server's own user.
    while True:
        final = parent / str(max(versions_in(parent), default=0) + 1)
        try:
            os.rename(partial, final)
        except FileExistsError:
            continue
        except OSError:
            if final.exists():
                continue
            raise
        return final
