"""Warm-up requests: TensorFlow Serving replays them before it answers the first.

One record for each signature and batch size that the server may form, so that no
request pays for tracing, kernel selection or memory growth.
"""

import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from export import wire
from export.recording import EXTRA, Arrays, Facts
from tf_smallgan.sampling.standing import images_a_pass

WARMUP_FILE = "tf_serving_warmup_requests"
MODEL_NAME = "smallgan"


def batch_sizes(resolution: int) -> tuple[int, ...]:
    """Batches that a server forms: 1, 2, 4 up to 32 at 128 px, to 8 at 256, 2 at 512.

    A server runs several at once, and warms each up.
    """
    largest = max(1, images_a_pass(resolution) // 2)
    return tuple(2**i for i in range(largest.bit_length()))


def request_inputs(facts: Facts, signature: str, batch: int) -> Arrays:
    """Well-formed inputs of a signature, truncation as [batch].

    Server-side batching joins requests along their first axis, so it refuses
    scalars.
    """
    rng = np.random.default_rng(batch)
    label = (np.arange(batch) % max(facts.num_classes, 1)).astype(np.int32)
    possible: Arrays = {
        "label": label,
        "seed": np.arange(batch, dtype=np.int64),
        "truncation": np.linspace(0.1, 1, batch, dtype=np.float32),
        "z": rng.standard_normal((batch, facts.latent_dim), np.float32),
        "y": np.eye(max(facts.num_classes, 1), dtype=np.float32)[label],
        "class_embedding": rng.standard_normal(
            (batch, facts.embedding_dim), np.float32
        ),
    }
    return {name: possible[name] for name in input_names(facts)[signature]}


def input_names(facts: Facts) -> dict[str, tuple[str, ...]]:
    """The inputs of each signature."""
    if not facts.num_classes:
        return {
            "default": ("z", "truncation"),
            "serving_default": ("seed", "truncation"),
            "serving_png": ("seed", "truncation"),
        }
    return {
        "default": ("z", "y", "truncation"),
        "serving_default": ("label", "seed", "truncation"),
        "serving_png": ("label", "seed", "truncation"),
        "embed": ("label",),
        "synthesize": ("z", "class_embedding", "truncation"),
    }


def write_warmup(folder: pathlib.Path, facts: Facts) -> None:
    """Writes assets.extra/tf_serving_warmup_requests."""
    path = folder / EXTRA / WARMUP_FILE
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature in input_names(facts):
            for batch in batch_sizes(facts.resolution):
                inputs = request_inputs(facts, signature, batch)
                log = wire.PredictionLog()
                log.predict_log.request.CopyFrom(
                    wire.predict_request(MODEL_NAME, signature, inputs)
                )
                writer.write(log.SerializeToString())


def read_warmup(folder: pathlib.Path) -> Iterator[tuple[str, Arrays]]:
    """(signature, inputs) of each record."""
    path = folder / EXTRA / WARMUP_FILE
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = wire.PredictionLog.FromString(record).predict_log.request
        yield request.model_spec.signature_name, wire.arrays_of(request.inputs)
