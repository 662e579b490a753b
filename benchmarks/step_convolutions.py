"""The convolutions of a training step without the rest of it.

What is left of the step once everything else costs nothing: no form of the program
around the same library is faster, as long as it does the same convolutions.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from experiments.common.made_step import make_step
from tf_smallgan.config import Config

_FORWARD, _BY_IMAGES, _BY_KERNEL = (
    "Conv2D",
    "Conv2DBackpropInput",
    "Conv2DBackpropFilter",
)


_KINDS = {_FORWARD, _BY_IMAGES, _BY_KERNEL}


@dataclasses.dataclass(frozen=True)
class _Convolution:
    """One operation of the step, as far as its cost goes.

    Attributes:
      kind: the operation's type.
      images: [B, H, W, I].
      kernel: [h, w, I, O].
      outputs: [B, H', W', O].
    """

    kind: str
    images: tuple[int, ...]
    kernel: tuple[int, ...]
    outputs: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str
    dtype: tf.DType

    @property
    def flops(self) -> float:
        """A product and a sum are two."""
        batch, height, width, _ = self.outputs
        rows, columns, inputs, outputs = self.kernel
        return 2.0 * batch * height * width * rows * columns * inputs * outputs


def _convolutions(graph: tf.Graph) -> list[_Convolution]:
    for function in graph.as_graph_def().library.function:
        inside = {node.op for node in function.node_def} & _KINDS
        assert not inside, f"{function.signature.name} holds {inside}: not counted"
    found = []
    for op in graph.get_operations():
        if op.type not in _KINDS:
            continue
        first, second = op.inputs[0], op.inputs[1]
        result = op.outputs[0].shape.as_list()
        if op.type == _FORWARD:
            shapes = first.shape.as_list(), second.shape.as_list(), result
        elif op.type == _BY_IMAGES:
            shapes = result, second.shape.as_list(), op.inputs[2].shape.as_list()
        else:
            shapes = first.shape.as_list(), result, op.inputs[2].shape.as_list()
        batch = next(s[0] for s in (shapes[0], shapes[2]) if s[0])
        images, kernel, outputs = shapes
        found.append(
            _Convolution(
                op.type,
                (batch, *images[1:]),
                tuple(kernel),
                (batch, *outputs[1:]),
                tuple(op.get_attr("strides")),
                op.get_attr("padding").decode(),
                op.outputs[0].dtype,
            )
        )
    return found


def _call(
    one: _Convolution, images: tf.Variable, outputs: tf.Variable, own: tf.Variable
) -> tf.Tensor:
    """The operation.

    Args:
      images, outputs: for all operations of these shapes.
      own: the kernel, or the outputs' gradient where the kernel is asked for; no
        other operation reads it, or equal ones would be merged into one.
    """
    how: dict[str, Any] = {"strides": one.strides, "padding": one.padding}
    if one.kind == _FORWARD:
        return tf.nn.conv2d(images, own, **how)
    if one.kind == _BY_IMAGES:
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=one.images, filter=own, out_backprop=outputs, **how
        )
    return tf.raw_ops.Conv2DBackpropFilter(
        input=images, filter_sizes=one.kernel, out_backprop=own, **how
    )


def convolutions_of_step(config: Config) -> tuple[Callable[[], Any], float]:
    """A call that does all convolutions of a completed config's step; their FLOPs."""
    step, batch = make_step(config)
    specs = {k: tf.TensorSpec(v.shape, v.dtype) for k, v in batch.items()}
    wanted = _convolutions(step.get_concrete_function(specs).graph)
    shared: dict[tuple, tf.Variable] = {}
    own: list[tf.Variable] = []
    # Made here: a function may make no variable.
    for number, one in enumerate(wanted):
        for shape in (one.images, one.outputs):
            if (shape, one.dtype) not in shared:
                shared[shape, one.dtype] = _noise(shape, one.dtype, len(shared))
        last = one.outputs if one.kind == _BY_KERNEL else one.kernel
        own.append(_noise(last, one.dtype, 1000 + number))

    @tf.function(autograph=False)
    def run() -> list[tf.Tensor]:
        results = []
        for one, mine in zip(wanted, own):
            images, outputs = (shared[s, one.dtype] for s in (one.images, one.outputs))
            result = _call(one, images, outputs, mine)
            results.append(tf.reduce_max(result[:1, :1, :1]))
        return results

    return run, sum(one.flops for one in wanted)


def _noise(shape: tuple[int, ...], dtype: tf.DType, seed: int) -> tf.Variable:
    return tf.Variable(tf.cast(tf.random.stateless_normal(shape, [0, seed]), dtype))
