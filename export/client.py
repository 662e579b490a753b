"""Asks a running server for images and writes them as one PNG.

python -m export.client --host=localhost --label=3 --truncation=0.5 --count=16 \\
    --out=grid.png
"""

import dataclasses
import functools
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from absl import flags

from export.transport import Served, Transport, with_retries
from tf_smallgan.cli import one_sentence_errors
from tf_smallgan.errors import InputError

_USUAL_BATCH, _LARGEST_BATCH = 16, 32


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
      label: classes in turn; all classes in turn when empty.
      seed: of the first image; the others follow.
      most_truncation: the largest that the served export takes; a server does not
        say.
      batch: images a request; 0 for as many as a server with the export's batching
        parameters takes at once, up to 16.
    """

    count: int = 16
    label: tuple[int, ...] = ()
    truncation: float = 0.5
    seed: int = 0
    batch: int = 0
    most_truncation: float = 1.0


def check(request: Request, served: Served) -> None:
    """Raises InputError for what the server would refuse.

    A request that the server refuses fails everything that the server put in the
    same batch, so it should not be sent.
    """
    from export.warmup import batch_sizes

    num_classes, most = served.num_classes, batch_sizes(served.resolution)[-1]
    if request.batch > most:
        raise InputError(
            f"--batch={request.batch}: servers take {most} images of "
            f"{served.resolution} px at once; give at most that, or leave it out."
        )
    if not 0 < request.truncation <= request.most_truncation:
        raise InputError(
            f"--truncation={request.truncation} is outside "
            f"(0, {request.most_truncation:g}]; 1 gives most variety, small values "
            "most fidelity. For an export that goes beyond 1, as its README.md says, "
            "give --most_truncation."
        )
    if not 0 <= request.seed <= 2**63 - 1 - request.count:
        raise InputError(f"--seed={request.seed} is not from 0 to below 2^63.")
    if request.label and not num_classes:
        raise InputError(
            f"--label={request.label[0]}: this model has no classes; leave it out."
        )
    for label in request.label:
        if not 0 <= label < num_classes:
            raise InputError(
                f"--label={label} is not a class of this model; its classes are 0 to "
                f"{num_classes - 1}."
            )


def batches(request: Request, num_classes: int) -> Iterator[dict[str, np.ndarray]]:
    """Inputs of each request to the server; `request.batch` is not 0."""
    labels = np.array(request.label or range(max(num_classes, 1)), np.int32)
    for start in range(0, request.count, request.batch):
        numbers = np.arange(start, min(start + request.batch, request.count))
        inputs = {
            "seed": np.int64(request.seed) + numbers.astype(np.int64),
            "truncation": np.full(len(numbers), request.truncation, np.float32),
        }
        if num_classes:
            inputs["label"] = labels[numbers % len(labels)]
        yield inputs


def fetch(transport: Transport, request: Request, attempts: int) -> np.ndarray:
    """Images [count, H, W, C] uint8.

    Raises:
      InputError: the request is wrong, or the server cannot be used.
    """
    from export.png import decode_pngs
    from export.warmup import batch_sizes

    served = with_retries(transport.served, attempts)
    check(request, served)
    if not request.batch:
        batch = min(_USUAL_BATCH, batch_sizes(served.resolution)[-1])
        request = dataclasses.replace(request, batch=batch)
    files: list[bytes] = []
    for inputs in batches(request, served.num_classes):
        files += with_retries(functools.partial(transport.pngs, inputs), attempts)
    return decode_pngs(files)


def connect(host: str, protocol: str, model: str, timeout_s: float) -> Transport:
    """The transport that the flags name; a URL means REST."""
    if protocol == "rest" or "://" in host:
        from export.rest import RestTransport

        return RestTransport(host, model, timeout_s)
    from export.grpc_transport import GrpcTransport

    return GrpcTransport(host, model, timeout_s)


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the client's flags."""
    text, number, real = flags.DEFINE_string, flags.DEFINE_integer, flags.DEFINE_float
    to: Any = {"flag_values": flag_values}
    text("host", "localhost", "host, host:port or REST URL.", **to)
    flags.DEFINE_enum(
        "protocol", "grpc", ["grpc", "rest"], "Port 8500 or 8501 by default.", **to
    )
    text("model", "smallgan", "The model's name.", **to)
    flags.DEFINE_list("label", [], "Class or comma list, in turn; all if empty.", **to)
    real("truncation", 0.5, "In (0, 1], or up to --most_truncation.", **to)
    real("most_truncation", 1.0, "The largest that the export takes.", 1, **to)
    number("count", 16, "Images in all.", lower_bound=1, **to)
    number("seed", 0, "Of the first image; the others follow.", **to)
    number(
        "batch",
        0,
        "Images a request; 0: 16, or what servers take of images above 128 px.",
        0,
        _LARGEST_BATCH,
        **to,
    )
    text("out", "grid.png", "The picture to write.", **to)
    real("timeout_s", 30.0, "For each request.", 0.001, **to)
    number("attempts", 5, "Calls while the server is unavailable.", 1, **to)


def _parse(argv: Sequence[str]) -> dict[str, Any]:
    """The flags' values by name."""
    values = flags.FlagValues()
    define_flags(values)
    try:
        rest = values(list(argv))[1:]
    except flags.Error as error:
        raise InputError(f"{error}. See docs/serving.md.") from error
    if rest:
        raise InputError(f"'{rest[0]}' is not a flag; flags are written --name=value.")
    return values.flag_values_dict()


def main(argv: Sequence[str]) -> None:
    """Parses arguments, asks, writes the picture.

    Raises:
      InputError: bad arguments, or a server that cannot be used.
    """
    given = _parse(argv)
    request = Request(
        count=given["count"],
        label=_labels(given["label"]),
        truncation=given["truncation"],
        seed=given["seed"],
        batch=given["batch"],
        most_truncation=given["most_truncation"],
    )
    transport = connect(
        given["host"], given["protocol"], given["model"], given["timeout_s"]
    )
    images = fetch(transport, request, given["attempts"])
    from tf_smallgan.sampling import grids

    grids.write_png(given["out"], grids.sheet(images))
    print(f"{len(images)} images: {given['out']}")


def _labels(texts: Sequence[str]) -> tuple[int, ...]:
    try:
        return tuple(int(text) for text in texts)
    except ValueError as error:
        raise InputError(
            f"--label={','.join(texts)} is not a class number or a comma list of them."
        ) from error


if __name__ == "__main__":
    with one_sentence_errors("export.client"):
        main(sys.argv)
