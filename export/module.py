"""The object that is saved: TF-Hub's reusable SavedModel interface.

It tracks just the variables that its functions read, so no Keras object, raw kernel
or training statistic is in the SavedModel.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from export.endpoints import ConditionalEndpoints, Specs, UnconditionalEndpoints
from tf_smallgan.config.architectures import ModelSpec


def build_module(
    generator: keras.Model, spec: ModelSpec, rule: str, most: float
) -> tuple[Any, dict[str, Any]]:
    """The root object to save, and its signatures by name.

    Args:
      generator: folded, with filled tables of statistics.
      spec: what it was built from.
      rule: truncation rule of `models.latents`.
      most: the largest truncation that requests may have.
    """
    kind = ConditionalEndpoints if spec.num_classes else UnconditionalEndpoints
    endpoints = kind(generator, spec, rule, most)
    signatures = {
        name: _function(getattr(endpoints, name), inputs)
        for name, inputs in endpoints.signatures().items()
    }
    root = tf.__internal__.tracking.AutoTrackable()
    root.__call__ = _function(endpoints.images, endpoints.hub_inputs())
    # Keras's TFSMLayer cannot name the inputs of a signature, but those of a function.
    root.generate = _function(endpoints.generate, endpoints.request())
    # The call reads every variable that a signature reads. This trace is not the one
    # that is saved: saving traces all functions anew.
    root.variables = list(root.__call__.get_concrete_function().graph.variables)
    root.trainable_variables = []
    root.regularization_losses = []
    return root, signatures


def _function(function: Callable[..., Any], inputs: Specs) -> Any:
    """`function` for just these inputs, named as its arguments."""
    named = [
        tf.TensorSpec(spec.shape, spec.dtype, name=name)
        for name, spec in inputs.items()
    ]
    return tf.function(function, input_signature=named, autograph=False)
