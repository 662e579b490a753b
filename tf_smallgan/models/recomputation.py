"""Gradient checkpointing: activations of a block are computed again when needed.

A forward pass keeps a block's inputs alone; the backward pass computes the block a
second time, of the same weights and spectral norms, and goes back through that. State
moves in the first pass only: the second one's updates are dropped.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_smallgan.models.spectral_norm import iterate_once


def run_block(
    layer: keras.layers.Layer, *inputs: tf.Tensor | None, remat: bool, **mode: Any
) -> tf.Tensor:
    """layer(*inputs, **mode), recomputed in the backward pass if asked for.

    Args:
      layer: a built layer that gives one tensor.
      inputs: tensors [B, ...], the first of them floating point images.
      remat: recompute. Only training keeps activations, so nothing else is changed.
      mode: keywords of the call.
    """
    if not (remat and mode.get("training")):
        return layer(*inputs, **mode)
    given = [x for x in inputs if x is not None]

    def call(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
        remaining = iter(tensors)
        return layer(*(x if x is None else next(remaining) for x in inputs), **mode)

    return _checkpointed(layer, call, given)


def _checkpointed(
    layer: keras.layers.Layer,
    call: Callable[[Sequence[tf.Tensor]], tf.Tensor],
    inputs: list[tf.Tensor],
) -> tf.Tensor:
    count, variables = len(inputs), layer.trainable_variables

    # Weights are arguments: TensorFlow's own search for the variables of a custom
    # gradient knows neither Keras's variables nor those of replicas.
    @tf.custom_gradient
    def run(*tensors: tf.Tensor) -> Any:
        with iterate_once() as vectors, _scope(variables, tensors[count:]) as scope:
            outputs = call(tensors[:count])
        _apply_updates(layer, scope)

        def gradient(upstream: tf.Tensor) -> Any:
            late = _after(upstream, tensors)
            with (
                tf.GradientTape(watch_accessed_variables=False) as tape,
                iterate_once(vectors),
                _scope(variables, late[count:]),
            ):
                tape.watch(late)
                again = call(late[:count])
            return tape.gradient(
                again,
                late,
                upstream,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )

        return outputs, gradient

    return run(*inputs, *(tf.convert_to_tensor(v) for v in variables))


def _scope(
    variables: Sequence[keras.Variable], values: Sequence[tf.Tensor]
) -> keras.StatelessScope:
    """Within, `variables` have these values, and no variable is assigned to."""
    return keras.StatelessScope(state_mapping=list(zip(variables, values)))


def _apply_updates(layer: keras.layers.Layer, scope: keras.StatelessScope) -> None:
    for variable in layer.non_trainable_variables:
        value = scope.get_current_value(variable)
        if value is not None:
            variable.assign(value)


def _after(upstream: tf.Tensor, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Copies of `tensors` that are not there before the upstream gradient is.

    Else the second pass could run along with the first, or be merged with it, and
    nothing would be saved. XLA heeds data alone: the first tensor takes in a zero.
    """
    zero = 0.0 * tf.reduce_sum(tf.cast(tf.reshape(upstream, [-1])[:1], tf.float32))
    with tf.control_dependencies([upstream]):
        late = [tf.identity(x) for x in tensors]
    late[0] += tf.cast(zero, late[0].dtype)
    return late
