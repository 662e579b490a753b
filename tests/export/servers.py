"""TensorFlow Serving's two interfaces on loopback, over the session loader.

For tests of the client on machines without `tensorflow_model_server`: the bytes on
the wire are those of the protocol, and errors have the server's codes.
"""

import base64
import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

from export.session import SessionModel
from tf_smallgan.errors import InputError

MODEL = "smallgan"


class RestHandler(http.server.BaseHTTPRequestHandler):
    """GET .../metadata and POST ...:predict, in the column format."""

    server: Any

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        """Metadata."""
        if self.path != f"/v1/models/{MODEL}/metadata":
            return self._answer(404, {"error": "Servable not found"})
        definitions = {
            name: json_format.MessageToDict(
                definition, preserving_proto_field_name=True
            )
            for name, definition in self.server.model.signatures.items()
        }
        signatures = {"signature_def": {"signature_def": definitions}}
        return self._answer(200, {"metadata": signatures})

    def do_POST(self) -> None:
        """Prediction."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        if self.server.unavailable:
            self.server.unavailable -= 1
            return self._answer(503, {"error": "not ready"})
        if self.server.hang_s:
            threading.Event().wait(self.server.hang_s)
        signature = body["signature_name"]
        inputs = typed(self.server.model, signature, body["inputs"])
        try:
            outputs = self.server.model.predict(signature, inputs)
        except tf.errors.InvalidArgumentError as error:
            return self._answer(400, {"error": error.message})
        # A single output stands for itself, as in TensorFlow Serving.
        ((name, value),) = outputs.items()
        assert name.endswith("_bytes")
        encoded = [{"b64": base64.b64encode(file).decode()} for file in value]
        return self._answer(200, {"outputs": encoded})

    def _answer(self, code: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        with contextlib.suppress(BrokenPipeError):
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)


def typed(model: SessionModel, signature: str, inputs: dict) -> dict[str, np.ndarray]:
    """JSON's numbers in the types of the signature."""
    specs = model.signatures[signature].inputs
    return {
        name: np.array(value, tf.as_dtype(specs[name].dtype).as_numpy_dtype)
        for name, value in inputs.items()
    }


@contextlib.contextmanager
def rest_server(model: SessionModel) -> Iterator[Any]:
    """A server; its `address`, and `unavailable` and `hang_s` to set."""
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RestHandler)
    server.model, server.unavailable, server.hang_s = model, 0, 0.0
    server.requests = []
    server.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def prediction_service(model: SessionModel) -> Any:
    """A PredictionService of `tensorflow-serving-api`'s own classes."""
    import grpc
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def __init__(self) -> None:
            self.unavailable, self.hang_s = 0, 0.0
            self.calls = 0

        def _enter(self, name: str, context: Any) -> None:
            self.calls += 1
            if self.unavailable:
                self.unavailable -= 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "not ready")
            if self.hang_s:
                threading.Event().wait(self.hang_s)
            if name != MODEL:
                context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found")

        def Predict(self, request, context):
            self._enter(request.model_spec.name, context)
            inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
            try:
                signature = request.model_spec.signature_name
                outputs = model.predict(signature, inputs)
            except (tf.errors.InvalidArgumentError, InputError) as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            response = predict_pb2.PredictResponse()
            for name, value in outputs.items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            return response

        def GetModelMetadata(self, request, context):
            self._enter(request.model_spec.name, context)
            assert list(request.metadata_field) == ["signature_def"]
            content = get_model_metadata_pb2.SignatureDefMap()
            for name, definition in model.signatures.items():
                content.signature_def[name].CopyFrom(definition)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.metadata["signature_def"].Pack(content)
            return response

    return Service()


@contextlib.contextmanager
def grpc_server(model: SessionModel) -> Iterator[Any]:
    """A server's service; its `address`, and `unavailable` and `hang_s` to set."""
    import concurrent.futures

    import grpc
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    service = prediction_service(model)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    service.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield service
    finally:
        server.stop(None)
