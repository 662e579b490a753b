"""What the REST and the gRPC client share: errors, retries, the request's shape."""

import random
import re
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from tf_smallgan.errors import InputError

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
# How TensorFlow words a check of export/checks.py: sentence, values.
_CHECK = re.compile(r"assertion failed: \[(.*?)\] \[(.*?)\]", re.DOTALL)

Result = TypeVar("Result")
Inputs = Mapping[str, np.ndarray]


class ServerError(InputError):
    """The server cannot be used, or refuses: the message says which and why."""


class Unavailable(Exception):
    """The server is not there, or not ready yet; asking again may help."""


class Served(NamedTuple):
    """What a served model's metadata say.

    Attributes:
      num_classes: K, 0 for an unconditional model.
      resolution: height and width of its images.
    """

    num_classes: int
    resolution: int


class Transport(Protocol):
    """A way to reach one model of a server."""

    def served(self) -> Served:
        """The model's metadata."""

    def pngs(self, inputs: Inputs) -> list[bytes]:
        """PNG files [B] of `label`, `seed` and `truncation` [B]."""


def with_retries(
    call: Callable[[], Result],
    attempts: int,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Calls again while the server is unavailable, and for no other reason.

    Waits double from 0.2 s up to 5 s, each shortened at random so that clients do
    not return all at once. What the server refused or did not answer in time is not
    asked again: it would only load the server more.

    Raises:
      ServerError: still unavailable after `attempts` calls.
    """
    for attempt in range(1, attempts + 1):
        try:
            return call()
        except Unavailable as error:
            if attempt == attempts:
                raise ServerError(
                    f"{error} Tried {attempts} times; is the server running, and is "
                    "the model loaded?"
                ) from error
            wait = min(FIRST_WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S)
            sleep(wait * random.uniform(0.5, 1))
    raise ValueError(f"attempts={attempts}: at least one is needed.")


def timed_out(target: str, timeout_s: float) -> ServerError:
    """The error for an answer that did not come in time."""
    return ServerError(
        f"{target} did not answer within {timeout_s:g} s; ask for fewer images at a "
        "time (--batch) or wait longer (--timeout_s)."
    )


def no_such_model(target: str, model: str) -> ServerError:
    """The error for a server without the model."""
    return ServerError(
        f"{target} serves no model '{model}' with this signature; give its name "
        "with --model."
    )


def refused(target: str, code: object, text: str) -> ServerError:
    """The error for a request that the server refused; a check's sentence alone."""
    check = _CHECK.search(text)
    reason = f"{check[1]} {check[2]}" if check else text
    return ServerError(f"{target} refused the request ({code}): {reason}")
