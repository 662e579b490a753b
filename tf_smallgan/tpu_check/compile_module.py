"""Compiles a StableHLO file with the TPU compiler; needs no TPU.

Run by path with the Python of an environment of its own (`tpu/environment.py` pins
what is in it), since its libraries and TensorFlow's do not mix:

    python compile_module.py STEP.vhlo v5e:2x2

Prints one JSON object, and ends when its input does. Nothing of the module is run: a
compile shows that each op can be compiled and what memory the whole takes, and says
nothing of speed.
"""

import json
import os
import re
import sys
import threading
import time
from typing import Any

import numpy as np
from jax._src import compiler
from jax._src.interpreters import mlir as jax_mlir
from jax._src.lib import _jax
from jax._src.lib.mlir import ir
from jax._src.lib.mlir.dialects import hlo
from jax.experimental import topologies

# libtpu otherwise asks the cloud's metadata server what it runs on.
os.environ.update(
    JAX_PLATFORMS="cpu",
    TPU_SKIP_MDS_QUERY="1",
    TPU_ACCELERATOR_TYPE="v5litepod-4",
    TPU_WORKER_HOSTNAMES="localhost",
    ALLOW_MULTIPLE_LIBTPU_LOAD="1",
)


# 4 TiB in, 4 TiB out: more than any TPU has.
_TOO_LARGE = """
func.func @main(%a: tensor<1048576x1048576xf32>) -> tensor<1048576x1048576xf32> {
  %b = stablehlo.add %a, %a : tensor<1048576x1048576xf32>
  return %b : tensor<1048576x1048576xf32>
}
"""
_AVAILABLE = re.compile(r"exceeds available HBM \(([0-9.]+)([KMG])\)|of ([0-9.]+)G hbm")
_USED = re.compile(r"Used ([0-9.]+)([KMG]) of ([0-9.]+)([KMG]) hbm")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


class Target:
    """One device of a topology that is known by name only."""

    def __init__(self, topology: str):
        described = topologies.get_topology_desc(platform="tpu", topology_name=topology)
        self.device = described.devices[0]

    def compile(self, module: Any) -> Any:
        """An executable of one replica."""
        device = self.device
        options = compiler.get_compile_options(
            num_replicas=1,
            num_partitions=1,
            device_assignment=np.array([[device.id]]),
        )
        return device.client.compile(module, _jax.DeviceList((device,)), options)

    def hbm_bytes(self) -> int:
        """The memory that the compiler may use; told only where it is exceeded."""
        with jax_mlir.make_ir_context():
            module = ir.Module.parse(_TOO_LARGE)
            try:
                self.compile(module)
            except Exception as error:  # noqa: BLE001 - libtpu's has no public type
                found = _AVAILABLE.search(str(error))
                if found is None:
                    raise
                size = found.group(1) or found.group(3)
                return int(float(size) * _UNITS[found.group(2) or "G"])
        raise RuntimeError("a module of 8 TiB was compiled")


def drop_identity_copies(module: Any) -> None:
    """Removes `mhlo.copy`, which TensorFlow leaves in and the TPU compiler refuses."""
    copies = []

    def collect(op: Any) -> Any:
        if op.name == "mhlo.copy":
            copies.append(op)
        return ir.WalkResult.ADVANCE

    module.operation.walk(collect)
    for op in copies:
        op.results[0].replace_all_uses_with(op.operands[0])
        op.erase()


def compile_file(path: str, target: Target) -> dict[str, Any]:
    """Memory and FLOPs of a compiled file, or what is wrong with it."""
    start = time.monotonic()
    try:
        with jax_mlir.make_ir_context(), open(path, "rb") as file:
            context = ir.Context.current
            module = hlo.deserialize_portable_artifact(context, file.read())
            drop_identity_copies(module)
            executable = target.compile(module)
    except Exception as error:  # noqa: BLE001 - libtpu's has no public type
        return {"error": str(error), "hbm_used_bytes": _used_bytes(str(error))}
    return {
        "compile_seconds": round(time.monotonic() - start, 1),
        "memory_bytes": _memory(executable),
        "flops": _flops(executable),
    }


def _used_bytes(message: str) -> int | None:
    """What a module that does not fit would have used; None for other errors."""
    found = _USED.search(message)
    return int(float(found.group(1)) * _UNITS[found.group(2)]) if found else None


def _memory(executable: Any) -> dict[str, int]:
    stats = executable.get_compiled_memory_stats()
    names = ("argument", "output", "alias", "temp", "generated_code")
    return {name: getattr(stats, f"{name}_size_in_bytes") for name in names}


def _flops(executable: Any) -> float:
    cost = executable.cost_analysis()
    return float((cost if isinstance(cost, dict) else cost[0])["flops"])


def end_with_input() -> None:
    """Ends this process when the one that holds its input ends, however that does.

    A command that is killed can end nobody else, and a compile may take an hour.
    """

    def wait() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(path: str, topology: str) -> None:
    """Prints what was found as JSON."""
    end_with_input()
    target = Target(topology)
    result = {"device": target.device.device_kind, "hbm_bytes": target.hbm_bytes()}
    print(json.dumps(result | compile_file(path, target)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
