"""Checks an export in a fresh process: python -m export.verify X/1 [--workdir=W].

Every signature is held against what the live generator made of the same inputs when
the export was written, and with --workdir also against the live generator itself,
restored now. Warm-up requests are replayed in a session. Every operation of the
graph must be one that TensorFlow itself brings a kernel for.
"""

import collections
import dataclasses
import pathlib
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import flags
from tensorflow.python.framework import kernels, op_def_registry

from export import recording, warmup
from export.png import decode_pngs
from export.recording import Arrays, Facts
from export.restore import restore
from export.session import SessionModel
from tf_smallgan import config as config_lib
from tf_smallgan.cli import one_sentence_errors
from tf_smallgan.distribution.strategy import whole_float32
from tf_smallgan.errors import InputError


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far an output of the export is from the live generator's."""

    signature: str
    largest: float
    allowed: float

    def __str__(self) -> str:
        return (
            f"{self.signature:<16} largest difference {self.largest:.3g} "
            f"(allowed {self.allowed:g})"
        )


def differences(
    model: SessionModel, facts: Facts, inputs: Arrays, live: Arrays
) -> list[Difference]:
    """Every signature against live outputs.

    Args:
      model: the export.
      facts: of the export.
      inputs: as `recording.example_inputs` makes them.
      live: what the live generator made of them.
    """
    steps = 1.0 if facts.precision == "float32" else 127.5 * facts.tolerance
    found = []
    for signature, names in warmup.input_names(facts).items():
        fed = inputs | live
        outputs = model.predict(signature, {name: fed[name] for name in names})
        (output,) = outputs.values()
        allowed = steps if signature.startswith("serving") else facts.tolerance
        expected = live[_LIVE_OUTPUT[signature]]
        if signature == "serving_png":
            output = decode_pngs(output)
        found.append(Difference(signature, _largest(output, expected), allowed))
    return found


_LIVE_OUTPUT = {
    "default": "images",
    "synthesize": "images",
    "embed": "class_embedding",
    "serving_default": "image",
    "serving_png": "image",
}


def _largest(output: np.ndarray, expected: np.ndarray) -> float:
    if output.shape != expected.shape:
        raise InputError(
            f"The export gives {output.shape} where the live generator gives "
            f"{expected.shape}."
        )
    return float(np.abs(output.astype(np.float64) - expected).max())


def live_now(workdir: str, folder: pathlib.Path, facts: Facts) -> Arrays:
    """Outputs of the live generator, restored from the run that was exported."""
    config = config_lib.parse(
        [f"--workdir={workdir}", f"--precision={facts.precision}"], config_lib.EXPORT
    )
    restored = restore(config, str(facts.step))
    _, _, tables = recording.read_examples(folder)
    return recording.live_outputs(restored.average, facts, restored.spec, tables)


def replay_warmup(model: SessionModel, folder: pathlib.Path) -> int:
    """Runs every warm-up request; returns their number."""
    count = 0
    for signature, inputs in warmup.read_warmup(folder):
        model.predict(signature, inputs)
        count += 1
    return count


def operations(model: SessionModel) -> Mapping[str, int]:
    """How often each operation occurs in the graph and its functions.

    Raises:
      InputError: TensorFlow lacks an operation or a kernel for it.
    """
    graph = model.meta_graph.graph_def
    nodes = [*graph.node]
    for function in graph.library.function:
        nodes += function.node_def
    counts = collections.Counter(node.op for node in nodes)
    for name in counts:
        known = op_def_registry.get(name) is not None
        if not known or not kernels.get_registered_kernels_for_op(name).kernel:
            raise InputError(
                f"The graph has the operation {name}, which TensorFlow itself has no "
                "kernel for: a plain server could not run it."
            )
    return dict(sorted(counts.items()))


@whole_float32()
def verify(path: str, workdir: str) -> None:
    """Prints what was checked.

    Raises:
      InputError: the export is not what it should be.
    """
    tf.get_logger().setLevel("ERROR")  # The session loader is called deprecated.
    folder = pathlib.Path(path)
    facts = recording.read_facts(folder)
    model = SessionModel(folder)
    inputs, recorded, _ = recording.read_examples(folder)
    found = differences(model, facts, inputs, recorded)
    print("Against what the live generator made when this was exported:")
    print(*found, sep="\n")
    if workdir:
        now = differences(model, facts, inputs, live_now(workdir, folder, facts))
        print("Against the live generator of the run:", *now, sep="\n")
        found += now
    for difference in found:
        if not difference.largest <= difference.allowed:
            raise InputError(f"{folder} is not what was exported: {difference}.")
    print(f"Warm-up: {replay_warmup(model, folder)} requests replayed")
    counts = operations(model)
    listed = ", ".join(f"{name} {count}" for name, count in counts.items())
    print(f"Operations, all of TensorFlow's own: {listed}")
    print(f"{folder} is as it should be.")


def main(argv: Sequence[str]) -> None:
    """Parses arguments and verifies.

    Raises:
      InputError: bad arguments, or a bad export.
    """
    values = flags.FlagValues()
    flags.DEFINE_string(
        "workdir", "", "The run that was exported, to compare with.", flag_values=values
    )
    try:
        rest = values(list(argv))[1:]
    except flags.Error as error:
        raise InputError(f"{error}.") from error
    if len(rest) != 1:
        raise InputError(
            "Name one version folder: python -m export.verify exports/digits/1"
        )
    verify(rest[0], values.flag_values_dict()["workdir"])


if __name__ == "__main__":
    with one_sentence_errors("export.verify"):
        main(sys.argv)
