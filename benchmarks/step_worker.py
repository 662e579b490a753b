"""Workers of benchmarks/train_step.py: a training step, or convolutions alone.

python -m benchmarks.step_worker step FLAGS...
python -m benchmarks.step_worker convolutions FLAGS...
python -m benchmarks.step_worker peak float32|bfloat16
"""

import dataclasses
import sys
from collections.abc import Callable

import tensorflow as tf

from benchmarks import measuring, stopwatch
from benchmarks.step_convolutions import convolutions_of_step
from tf_smallgan import config as config_lib
from tf_smallgan.config import defaults
from tf_smallgan.training import plan

# [B, H = W, C] of candidates for the machine's convolution peak.
_SHAPES = ((64, 32, 64), (64, 32, 128), (32, 32, 256), (64, 16, 256), (16, 64, 128))
_LARGE = 20e9


def _step(flags: list[str]) -> None:
    *flags, form = flags
    config = defaults.with_defaults(config_lib.parse(flags))
    fused = form == "fused"
    spec = dataclasses.replace(defaults.model_spec(config), fused_resampling=fused)
    facts = {"flops": plan.step_flops(config, *plan.forward_costs(spec))}
    stopwatch.answer(measuring.build_step(config, fused), facts)


def _convolutions(flags: list[str]) -> None:
    config = defaults.with_defaults(config_lib.parse(flags))
    call, flops = convolutions_of_step(config)
    stopwatch.answer(call, {"flops": flops})


def _convolution(
    shape: tuple[int, int, int], precision: str
) -> tuple[Callable[[], object], float]:
    """A 3x3 convolution, its two gradients, and the FLOPs of all three."""
    batch, size, channels = shape
    images = tf.ones([batch, size, size, channels], precision)
    kernel = tf.ones([3, 3, channels, channels], precision)
    forward_flops = 2 * 9 * batch * size**2 * channels**2
    # Several of each a call, so that the call itself does not count.
    repeats = max(1, round(_LARGE / (3 * forward_flops)))

    @tf.function(autograph=False)
    def run():
        results = []
        for i in range(repeats):
            # Equal operations would be merged into one.
            other = kernel * tf.cast(1 + i, precision)
            with tf.GradientTape() as tape:
                tape.watch([images, other])
                outputs = tf.nn.conv2d(images, other, 1, "SAME")
            gradients = tape.gradient(outputs, [images, other], outputs)
            results += [tf.reduce_max(g[:1, :1, :1]) for g in gradients]
        return results

    return run, 3.0 * repeats * forward_flops


def _peak(precision: str) -> None:
    """The fastest of the candidates, found by trying each."""
    best = None
    for shape in _SHAPES:
        call, flops = _convolution(shape, precision)
        rate = flops / measuring.median_seconds(call, 3)
        if best is None or rate > best[0]:
            best = (rate, shape, call, flops)
    assert best is not None
    stopwatch.answer(best[2], {"flops": best[3], "shape": best[1]})


def main() -> None:
    """Serves what the command line asks for."""
    kind, *rest = sys.argv[1:]
    tf.config.optimizer.set_experimental_options({"remapping": False})
    if kind == "peak":
        _peak(rest[0])
    elif kind == "convolutions":
        _convolutions(rest)
    else:
        _step(rest)


if __name__ == "__main__":
    main()
