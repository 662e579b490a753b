"""Writes one replica's train step as StableHLO; reports what its compile found."""

import pathlib
import re
from typing import Any

import tensorflow as tf

from tf_smallgan.config import Config, defaults
from tf_smallgan.errors import InputError
from tf_smallgan.models.initializers import weights_follow
from tf_smallgan.training.monitor import make_prior
from tf_smallgan.training.state import build_state
from tf_smallgan.training.step import make_train_step

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


def write_train_step(config: Config, path: pathlib.Path) -> None:
    """Writes the whole step: the prior's core-set, all updates, the average.

    It is training's own step on one device, lowered by TensorFlow's XLA bridge. The
    weights are zeros, since a program does not depend on them.

    Args:
      config: completed; `training.batch_size` is one replica's batch.
      path: gets portable StableHLO.

    Raises:
      InputError: an op of the step cannot be compiled by XLA; it is named.
    """
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope(), weights_follow():
        spec = defaults.model_spec(config)
        state = build_state(spec, config.training, config.run.seed)
    step = make_train_step(state, make_prior(config), config.training, strategy, False)

    @tf.function(jit_compile=True, autograph=False)
    def flat(image: tf.Tensor, label: tf.Tensor, weight: tf.Tensor) -> Any:
        return step({"image": image, "label": label, "weight": weight})

    path.write_bytes(lower(flat, *batch_specs(config)))


def lower(function: Any, *specs: tf.TensorSpec) -> bytes:
    """The StableHLO of a `tf.function(jit_compile=True)`.

    Raises:
      InputError: an op cannot be compiled by XLA.
    """
    try:
        return function.experimental_get_compiler_ir(*specs)(
            stage="stablehlo_serialized"
        )
    except ValueError as error:
        ops = sorted(set(_UNSUPPORTED.findall(str(error))))
        if not ops:
            raise
        raise InputError(
            f"XLA cannot compile the step; ops that do not compile: {', '.join(ops)}."
        ) from error


_UNSUPPORTED = re.compile(r"No registered '(\w+)' OpKernel")


def batch_specs(config: Config) -> list[tf.TensorSpec]:
    """image [N, B, H, W, C], label [N, B], weight [N, B], N the D updates."""
    data, training = config.data, config.training
    shape = [training.discriminator_steps, training.batch_size]
    pixels = [data.resolution, data.resolution, data.image_channels]
    return [
        tf.TensorSpec([*shape, *pixels], tf.float32),
        tf.TensorSpec(shape, tf.int32),
        tf.TensorSpec(shape, tf.float32),
    ]
