"""Runs an export as TensorFlow Serving does: tag `serve`, one session, named tensors.

TensorFlow Serving's C++ loader and this session share the code that loads the graph,
restores variables and optimizes; feeds are not checked on the Python side of a
signature.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan.errors import InputError


class SessionModel:
    """A loaded export.

    Args:
      folder: a version folder.

    Raises:
      InputError: it holds no SavedModel.
    """

    def __init__(self, folder: str | pathlib.Path):
        if not (pathlib.Path(folder) / "saved_model.pb").exists():
            raise InputError(
                f"{folder} holds no SavedModel: name a version folder, for example "
                "exports/digits/1."
            )
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            meta_graph = tf.compat.v1.saved_model.load(
                self._session, ["serve"], str(folder)
            )
        self.meta_graph = meta_graph
        self._calls: dict[str, Any] = {}

    @property
    def signatures(self) -> Mapping[str, Any]:
        """SignatureDefs by name, without the initialisation op's."""
        return {
            name: definition
            for name, definition in self.meta_graph.signature_def.items()
            if not name.startswith("__")
        }

    def predict(
        self, signature: str, inputs: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Named outputs of named inputs.

        Raises:
          InputError: no such signature, or other inputs than it has.
          tf.errors.InvalidArgumentError: the graph refuses a value.
        """
        names, outputs, call = self._call(signature)
        if set(names) != set(inputs):
            raise InputError(
                f"Signature {signature} takes {', '.join(sorted(names))}; the request "
                f"has {', '.join(sorted(inputs)) or 'no inputs'}."
            )
        try:
            return dict(zip(outputs, call(*[inputs[name] for name in names])))
        except ValueError as error:  # The session's own check of shapes and types.
            raise tf.errors.InvalidArgumentError(None, None, str(error)) from error

    def _call(self, signature: str) -> tuple[list[str], list[str], Any]:
        if signature not in self._calls:
            if signature not in self.signatures:
                raise InputError(
                    f"There is no signature {signature}; there are "
                    f"{', '.join(sorted(self.signatures))}."
                )
            definition = self.signatures[signature]
            call = self._session.make_callable(
                [tensor.name for tensor in definition.outputs.values()],
                feed_list=[tensor.name for tensor in definition.inputs.values()],
            )
            self._calls[signature] = (
                list(definition.inputs),
                list(definition.outputs),
                call,
            )
        return self._calls[signature]
