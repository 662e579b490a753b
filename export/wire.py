"""TensorFlow Serving's messages, without its package.

Just the fields that are used here, described at run time in a pool of their own, so
that they live beside `tensorflow-serving-api` where that is installed. Field numbers
are those of tensorflow_serving/apis. A message field whose content is read or
written elsewhere (TensorProto, SignatureDef) is `bytes` here: both are the same on
the wire.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2

_PACKAGE = "export.wire"
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "int64": _Field.TYPE_INT64,
}
_REPEATED = "repeated "
_MAP = "map<bytes>"

# Message -> field -> (number, type); a type is a scalar, a message or a map from
# string to bytes.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Int64Value": {"value": (1, "int64")},
    "ModelSpec": {
        "name": (1, "string"),
        "version": (2, "Int64Value"),
        "signature_name": (3, "string"),
    },
    "PredictRequest": {
        "model_spec": (1, "ModelSpec"),
        "inputs": (2, _MAP),
        "output_filter": (3, "repeated string"),
    },
    "PredictResponse": {"outputs": (1, _MAP), "model_spec": (2, "ModelSpec")},
    "PredictLog": {"request": (1, "PredictRequest")},
    "PredictionLog": {"predict_log": (6, "PredictLog")},
    "GetModelMetadataRequest": {
        "model_spec": (1, "ModelSpec"),
        "metadata_field": (2, "repeated string"),
    },
    "GetModelMetadataResponse": {
        "model_spec": (1, "ModelSpec"),
        "metadata": (2, _MAP),
    },
    "Any": {"type_url": (1, "string"), "value": (2, "bytes")},
    "SignatureDefMap": {"signature_def": (1, _MAP)},
}


def _describe() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="export/wire.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(message, field, number, kind)
    return file


def _add_field(
    message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str
) -> None:
    field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if kind.startswith(_REPEATED) or kind == _MAP:
        field.label = _Field.LABEL_REPEATED
        kind = kind.removeprefix(_REPEATED)
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    field.type = _Field.TYPE_MESSAGE
    if kind == _MAP:
        entry = _add_map_entry(message, name)
        field.type_name = f".{_PACKAGE}.{message.name}.{entry}"
    else:
        field.type_name = f".{_PACKAGE}.{kind}"


def _add_map_entry(message: descriptor_pb2.DescriptorProto, field: str) -> str:
    name = "".join(part.capitalize() for part in field.split("_")) + "Entry"
    entry = message.nested_type.add(name=name)
    entry.options.map_entry = True
    _add_field(entry, "key", 1, "string")
    _add_field(entry, "value", 2, "bytes")
    return name


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_describe())
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")
        )
        for name in _MESSAGES
    }


_CLASSES = _classes()
PredictRequest = _CLASSES["PredictRequest"]
PredictResponse = _CLASSES["PredictResponse"]
PredictionLog = _CLASSES["PredictionLog"]
GetModelMetadataRequest = _CLASSES["GetModelMetadataRequest"]
GetModelMetadataResponse = _CLASSES["GetModelMetadataResponse"]
Any_ = _CLASSES["Any"]
SignatureDefMap = _CLASSES["SignatureDefMap"]


def predict_request(
    model: str, signature: str, inputs: Mapping[str, np.ndarray]
) -> Any:
    """A PredictRequest."""
    request = PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name] = tf.make_tensor_proto(value).SerializeToString()
    return request


def arrays_of(tensors: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    """Named arrays from a map of serialized TensorProtos."""
    return {
        name: tf.make_ndarray(tensor_pb2.TensorProto.FromString(content))
        for name, content in tensors.items()
    }
