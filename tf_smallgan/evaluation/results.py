"""Where scores go: lines on the terminal, a line of JSON, a curve."""

import json
import math
import os
import pathlib
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from tf_smallgan.evaluation.evaluator import Evaluation, Measure
from tf_smallgan.workdir import SCORES_FILE


def append_record(folder: pathlib.Path, record: dict[str, Any]) -> pathlib.Path:
    """Adds a line to FOLDER/scores.jsonl; NaN is written as null."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SCORES_FILE
    line = json.dumps(_without_nan(record), allow_nan=False) + "\n"
    with path.open("a+b") as file:
        # A line that a kill tore stays alone.
        torn = file.seek(0, os.SEEK_END) and not _ends_a_line(file)
        file.write(("\n" * bool(torn) + line).encode())
    return path


def _ends_a_line(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def lines(
    evaluation: Evaluation, measures: Sequence[Measure], facts: dict[str, Any]
) -> list[str]:
    """The scores for people, each with its settings."""
    text = [f"{title(evaluation, facts)}"]
    for space, reference in measures:
        scores = evaluation.scores[space.name]
        images = (
            "an unknown number of"
            if reference.count is None
            else (f"{reference.count:,}")
        )
        source = reference.facts.get("dataset") or reference.path
        text.append(
            f"  {space.name} features ({space.dim:,} dimensions, weights "
            f"{space.hash[:16]}) against {images} images of {source}"
        )
        width = max(map(len, scores.values))
        for name, value in scores.values.items():
            text.append(f"    {name:{width}}  {number(value)}")
        if "conditional_accuracy" in scores.values:
            text.append(f"    {accuracy_sentence(evaluation, space.name)}")
            if space.accuracy is not None:
                text.append(
                    f"    (the classifier is right on {space.accuracy:.1%} of held-out "
                    "real images)"
                )
        text.extend(f"    Note: {note}" for note in scores.notes)
    return text


def title(evaluation: Evaluation, facts: dict[str, Any]) -> str:
    """What was scored, in a line."""
    batch_norm = facts["bn"]
    if facts.get("standing_batches"):
        batch_norm += f" ({facts['standing_batches']} batches)"
    what = (
        f"step {facts['step']:,}"
        if "step" in facts
        else f"{facts['export']} (step {facts['exported_step']:,})"
    )
    weights = "EMA" if facts["ema"] else "trained"
    return (
        f"{what}, {weights} weights, truncation {evaluation.truncation:g} by rule "
        f"{facts['truncation_rule']}, batch norm {batch_norm}, "
        f"{evaluation.num_samples:,} samples, "
        + "labels as often as in the data, " * (facts.get("labels") == "data")
        + f"{evaluation.seconds:.1f} s"
    )


def accuracy_sentence(evaluation: Evaluation, space: str) -> str:
    """Conditional accuracy with how many samples of each class it was taken over."""
    share = evaluation.scores[space].values["conditional_accuracy"]
    counts = np.bincount(evaluation.labels, minlength=evaluation.num_classes)
    least, most = counts.min(), counts.max()
    between = "or" if most == least + 1 else "to"
    count = f"{least:,} {between} {most:,}" if most > least else f"{most:,}"
    return (
        f"conditional accuracy {share:.1%} of {evaluation.num_samples:,} samples, "
        f"{count} a class"
    )


def number(value: float) -> str:
    """Six digits; whole numbers whole."""
    if value == int(value) if math.isfinite(value) else False:
        return f"{int(value):,}"
    return f"{value:.6g}"
