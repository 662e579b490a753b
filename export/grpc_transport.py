"""TensorFlow Serving's gRPC interface; needs grpcio, not Serving's own package."""

from collections.abc import Callable
from typing import Any

from tensorflow.core.protobuf import meta_graph_pb2

from export import wire
from export.endpoints import SERVING_PNG
from export.transport import (
    Inputs,
    Served,
    Unavailable,
    no_such_model,
    refused,
    timed_out,
)
from tf_smallgan.errors import InputError

DEFAULT_PORT = 8500
_SERVICE = "/tensorflow.serving.PredictionService/"


class GrpcTransport:
    """A model of a gRPC server.

    Args:
      address: "host" or "host:port".
      model: its name.
      timeout_s: for each request.

    Raises:
      InputError: grpcio is not installed.
    """

    def __init__(self, address: str, model: str, timeout_s: float):
        self._grpc = _import_grpc()
        self._target = address if ":" in address else f"{address}:{DEFAULT_PORT}"
        self._model, self._timeout_s = model, timeout_s
        # A batch of large pictures is more than the 4 MB allowed by default.
        options = [("grpc.max_receive_message_length", -1)]
        self._channel = self._grpc.insecure_channel(self._target, options)
        self._predict = self._method("Predict", wire.PredictResponse)
        self._metadata = self._method("GetModelMetadata", wire.GetModelMetadataResponse)

    def _method(self, name: str, response: Any) -> Callable[..., Any]:
        return self._channel.unary_unary(
            _SERVICE + name,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def served(self) -> Served:
        """The model's metadata."""
        request = wire.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self._model
        answer = self._ask(self._metadata, request)
        content = wire.Any_.FromString(answer.metadata["signature_def"]).value
        definitions = wire.SignatureDefMap.FromString(content).signature_def
        if "default" not in definitions:
            raise no_such_model(self._target, self._model)
        default = meta_graph_pb2.SignatureDef.FromString(definitions["default"])
        classes = 0
        if "y" in default.inputs:
            classes = default.inputs["y"].tensor_shape.dim[-1].size
        output = default.outputs["default"].tensor_shape.dim
        if len(output) != 4 or not output[1].size > 0:
            raise no_such_model(self._target, self._model)
        return Served(classes, output[1].size)

    def pngs(self, inputs: Inputs) -> list[bytes]:
        """PNG files [B] of `label`, `seed` and `truncation` [B]."""
        request = wire.predict_request(self._model, SERVING_PNG, inputs)
        outputs = wire.arrays_of(self._ask(self._predict, request).outputs)
        if "image_bytes" not in outputs:
            raise no_such_model(self._target, self._model)
        return list(outputs["image_bytes"])

    def _ask(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout_s)
        except self._grpc.RpcError as error:
            raise self._translated(error.code(), error.details()) from error

    def _translated(self, code: Any, details: str) -> Exception:
        codes = self._grpc.StatusCode
        if code == codes.UNAVAILABLE:
            return Unavailable(f"{self._target}: {details}.")
        if code == codes.DEADLINE_EXCEEDED:
            return timed_out(self._target, self._timeout_s)
        if code == codes.NOT_FOUND:
            return no_such_model(self._target, self._model)
        return refused(self._target, code.name, details)


def _import_grpc() -> Any:
    try:
        import grpc
    except ImportError as error:
        raise InputError(
            "--protocol=grpc needs grpcio: install the extra `serving`, or use "
            "--protocol=rest."
        ) from error
    return grpc
