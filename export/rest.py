"""TensorFlow Serving's REST interface, with the standard library alone."""

import base64
import binascii
import http.client
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from export.endpoints import SERVING_PNG
from export.transport import (
    Inputs,
    Served,
    ServerError,
    Unavailable,
    no_such_model,
    refused,
    timed_out,
)
from tf_smallgan.errors import InputError

DEFAULT_PORT = 8501
_UNAVAILABLE, _NOT_FOUND = 503, 404


class RestTransport:
    """A model behind http://host:port/v1/models/NAME.

    Args:
      address: "host", "host:port" or a URL.
      model: its name.
      timeout_s: for each request.
    """

    def __init__(self, address: str, model: str, timeout_s: float):
        self._url = f"{_base_url(address)}/v1/models/{model}"
        self._model, self._timeout_s = model, timeout_s

    def served(self) -> Served:
        """The model's metadata."""
        answer = self._ask(f"{self._url}/metadata")
        try:
            signatures = answer["metadata"]["signature_def"]["signature_def"]
            inputs = signatures["default"]["inputs"]
            output = signatures["default"]["outputs"]["default"]
            classes = _size(inputs["y"], 1) if "y" in inputs else 0
            resolution = _size(output, 1)
            if resolution < 1:
                raise ValueError(f"images of {resolution} pixels")
            return Served(classes, resolution)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise self._unlike_an_export() from error

    def pngs(self, inputs: Inputs) -> list[bytes]:
        """PNG files [B] of `label`, `seed` and `truncation` [B]."""
        body = {
            "signature_name": SERVING_PNG,
            "inputs": {name: value.tolist() for name, value in inputs.items()},
        }
        outputs: Any = self._ask(f"{self._url}:predict", body).get("outputs")
        if isinstance(outputs, dict):
            outputs = outputs.get("image_bytes")
        try:
            return [base64.b64decode(item["b64"], validate=True) for item in outputs]
        except (KeyError, TypeError, binascii.Error) as error:
            raise self._unlike_an_export() from error

    def _ask(self, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise self._refused(error) from error
        except TimeoutError as error:
            raise timed_out(self._url, self._timeout_s) from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise timed_out(self._url, self._timeout_s) from error
            raise _unreachable(self._url, error.reason) from error
        except http.client.InvalidURL as error:
            raise InputError(f"--host or --model: {error}.") from error
        except (ConnectionError, http.client.HTTPException) as error:
            raise Unavailable(f"{self._url}: {error!r}.") from error
        except ValueError as error:
            raise self._unlike_an_export() from error
        return answer if isinstance(answer, dict) else {}

    def _refused(self, error: urllib.error.HTTPError) -> Exception:
        text = error.read().decode(errors="replace")
        try:
            text = json.loads(text)["error"]
        except (ValueError, KeyError, TypeError):
            text = text.strip() or error.reason
        if error.code == _UNAVAILABLE:
            return Unavailable(f"{self._url}: {text}.")
        if error.code == _NOT_FOUND:
            return no_such_model(self._url, self._model)
        return refused(self._url, error.code, text)

    def _unlike_an_export(self) -> ServerError:
        return ServerError(
            f"{self._url} did not answer as a model that `python -m export` wrote; "
            "check --host and --model."
        )


def _size(tensor: dict[str, Any], axis: int) -> int:
    return int(tensor["tensor_shape"]["dim"][axis]["size"])


def _unreachable(url: str, reason: Any) -> Exception:
    """What is worth another attempt, and what is not: schemes, certificates."""
    if isinstance(reason, (str, ssl.SSLCertVerificationError)):
        return InputError(f"{url}: {reason}. Check --host.")
    return Unavailable(f"{url}: {reason}.")


def _base_url(address: str) -> str:
    if "://" in address:
        return address.rstrip("/")
    return f"http://{address if ':' in address else f'{address}:{DEFAULT_PORT}'}"
