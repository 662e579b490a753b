"""Runs the commands: as processes, as a user does, or here, which is quicker."""

import os
import pathlib
import subprocess
import sys

from tf_smallgan import config as config_lib

ROOT = pathlib.Path(__file__).parent.parent
SMOKE = "--flagfile=configs/smoke.cfg"
# Compiling a selection takes longer than running it, and most tests compile one;
# `make check-slow` runs those of the core-sets as they are compiled for users.
QUICK_COMPILING = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
# The quickest start there is: no core-set, no classes, one D update.
QUICK_START = (
    "--architecture=sngan",
    "--noconditional",
    "--prior_oversample=1",
    "--data_oversample=1",
    "--discriminator_steps=1",
)


def run(
    module: str, *arguments: str, check: bool = True, **environment: str
) -> subprocess.CompletedProcess:
    """`python -m module arguments`, from the repository's root."""
    result = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    if check:
        assert result.returncode == 0, result.stdout + result.stderr
    return result


def run_here(command, *arguments: str) -> None:
    """The same in this process, without another start of TensorFlow.

    Args:
      command: a command's module, such as `tf_smallgan.sample`.
    """
    name = command.__name__.removesuffix(".__main__").rpartition(".")[2]
    accepted = getattr(command, "COMMAND", None) or getattr(config_lib, name.upper())
    command.run(config_lib.parse(list(arguments), accepted))
