"""Runs a function in a process of its own, whose peak memory is then its own too."""

import concurrent.futures
import importlib
import multiprocessing
import os
import resource
import sys
import threading
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from tf_smallgan.cli import quiet_import
from tf_smallgan.errors import InputError

Result = TypeVar("Result")


def in_fresh_process(function: Callable[..., Result], name: str, *arguments) -> Result:
    """`function(*arguments)` in a new process, which ends with it.

    From a fork server: a process that is spawned starts with its parent's peak in
    `ru_maxrss`, as Linux hands it on, and the parent has TensorFlow loaded.

    Args:
      function: of a module, as it is passed by name.
      name: what it is for, to say what failed.
      *arguments: picklable.

    Raises:
      InputError: as `function` does, or the process ended without a result.
      RuntimeError: `function` failed otherwise; the cause is chained.
    """
    context = multiprocessing.get_context("forkserver")
    with concurrent.futures.ProcessPoolExecutor(
        1, context, initializer=_end_with_parent
    ) as pool:
        try:
            return pool.submit(
                _import_and_call, function.__module__, function.__name__, arguments
            ).result()
        except BrokenProcessPool as error:
            raise InputError(
                f"The process of {name} ended without a result, most likely for want "
                "of memory; what was done before is kept. Leave it out, or run on a "
                "machine with more memory."
            ) from error
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        except Exception as error:
            raise RuntimeError(f"The process of {name} failed: {error}") from error


def _end_with_parent() -> None:
    """Ends this process soon after the one that began it, however that ends.

    A command that is killed can end nobody else, and a run would go on for as long as
    it takes, with nobody to hand its result to.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _import_and_call(module: str, name: str, arguments: tuple) -> Any:
    """By name, so that TensorFlow is imported here and not while unpickling."""
    with quiet_import():
        function = getattr(importlib.import_module(module), name)
        if "tensorflow" in sys.modules:
            sys.modules["tensorflow"].config.list_physical_devices()
    return function(*arguments)


def peak_memory_mib() -> float:
    """The most memory that this process ever held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
