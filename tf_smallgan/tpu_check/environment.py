"""The environment that holds the TPU compiler, and the compile itself."""

import json
import os
import pathlib
import subprocess
from typing import Any

from tf_smallgan.errors import InputError

# Pinned, since `compile_module` uses private functions of JAX.
PINS = ("jax==0.10.2", "jaxlib==0.10.2", "libtpu==0.0.52")
VARIABLE = "TF_SMALLGAN_TPU_ENVIRONMENT"
DEFAULT_FOLDER = ".venv-tpu"

# Those that `compile_module` was seen to compile for.
TOPOLOGIES = (
    "v2:2x2",
    "v3:2x2",
    "v4:2x2x1",
    "v5e:1x1",
    "v5e:2x2",
    "v5p:2x2x1",
    "v6e:2x2",
    "tpu7x:2x2x1",
)


def find_python() -> str:
    """The Python of the environment with the TPU compiler.

    Raises:
      InputError: there is none.
    """
    folder = os.environ.get(VARIABLE) or DEFAULT_FOLDER
    python = pathlib.Path(folder) / "bin" / "python"
    if not python.exists():
        raise InputError(
            f"{folder} holds no environment with the TPU compiler: run "
            f"`make tpu-environment`, which installs {', '.join(PINS)} into "
            f"{DEFAULT_FOLDER} (about 1.1 GB), or name another folder in {VARIABLE}."
        )
    return str(python)


def check_topology(topology: str) -> None:
    """Raises InputError for a topology that is not known to compile."""
    if topology not in TOPOLOGIES:
        raise InputError(
            f"--topology={topology} is not known; give one of {', '.join(TOPOLOGIES)}."
        )


def compile_module(path: pathlib.Path, topology: str) -> dict[str, Any]:
    """What `compile_module.py` prints for a StableHLO file.

    Raises:
      InputError: there is no environment, the topology is not known, or the compiler
        itself could not be started.
    """
    check_topology(topology)
    script = pathlib.Path(__file__).with_name("compile_module.py")
    # The compile ends with its input, which ends with this process.
    read, write = os.pipe()
    try:
        result = subprocess.run(
            [find_python(), str(script), str(path), topology],
            stdin=read,
            capture_output=True,
            text=True,
        )
    finally:
        os.close(read)
        os.close(write)
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(
            f"The TPU compiler failed to start ({last}). Make its environment anew "
            f"with `make tpu-environment`: it needs {', '.join(PINS)}."
        )
    return json.loads(result.stdout.splitlines()[-1])
