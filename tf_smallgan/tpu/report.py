"""Says what a compile for TPU found."""

import re
from typing import Any

from tf_smallgan.errors import InputError

_GIB = 2**30
_OP = re.compile(r"'?(?:stablehlo|mhlo|chlo|tf)\.\w+'?")


def memory_bytes(sizes: dict[str, int]) -> int:
    """What the program holds in HBM at once.

    Outputs that take the place of arguments (updated variables) count once.
    """
    return (
        sizes["argument"]
        + sizes["output"]
        - sizes["alias"]
        + sizes["temp"]
        + sizes["generated_code"]
    )


def report_lines(compiled: dict[str, Any], replica_batch: int) -> list[str]:
    """The lines to print for what `compile_module` found.

    Raises:
      InputError: the step does not fit into HBM, or does not compile.
    """
    refuse_failure(compiled, replica_batch)
    sizes, hbm = compiled["memory_bytes"], compiled["hbm_bytes"]
    total = memory_bytes(sizes)
    parts = ", ".join(f"{name} {size / _GIB:.2f}" for name, size in sizes.items())
    return [
        f"compiled for {compiled['device']} in {compiled['compile_seconds']:.0f} s: "
        "one replica, without the collectives between replicas; nothing was run",
        f"memory: {total / _GIB:.2f} of {hbm / _GIB:.2f} GiB HBM, "
        f"{total / hbm:.0%} ({parts}; argument and output share alias)",
        f"FLOPs: {compiled['flops'] / 1e9:,.1f} G a step (the body of a loop, such as "
        "the core-set's, counts once)",
        "ops that do not compile: none",
    ]


def refuse_failure(compiled: dict[str, Any], replica_batch: int) -> None:
    """Raises InputError where the compiler found something wrong."""
    error = compiled.get("error")
    if error is None:
        return
    used, hbm = compiled["hbm_used_bytes"], compiled["hbm_bytes"]
    if used is not None:
        raise InputError(
            f"--replica_batch={replica_batch} does not fit: the step takes "
            f"{used / _GIB:.2f} GiB, and {compiled['device']} has {hbm / _GIB:.2f} GiB "
            "of HBM a replica. Lower --replica_batch, or --channel_multiplier."
        )
    ops = sorted({op.strip("'") for op in _OP.findall(error)})
    raise InputError(
        f"The step does not compile for {compiled['device']}; ops that do not compile: "
        f"{', '.join(ops) or 'not named'}. The compiler says: {error[:400]}"
    )
