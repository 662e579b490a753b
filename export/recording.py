"""Facts and fixed examples that lie in an export, so that it can be checked.

`assets.extra/export.json` says what the module is. `assets.extra/examples.npz` holds
inputs and what the live generator made of them when the export was written: weights
unfolded, batch norm statistics set for one truncation at a time, latents from the
framework's own Philox. None of that code is in the exported graph.
"""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.restore import Restored
from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.errors import InputError
from tf_smallgan.models.batch_norm import statistics_of
from tf_smallgan.models.latents import truncate_uniform
from tf_smallgan.sampling.sampler import to_uint8
from tf_smallgan.workdir import (
    EXPORT_EXTRA,
    EXPORT_FACTS,
    exported_facts,
    most_truncation,
)

EXTRA, FACTS_FILE, EXAMPLES_FILE = EXPORT_EXTRA, EXPORT_FACTS, "examples.npz"
_SEEDS = (0, 1, 2**40 + 3, -5)
_PHILOX = 1  # The framework's number of the algorithm.

Tables = list[tuple[np.ndarray, np.ndarray]]
Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What an export is, in plain values.

    `standing_batches` is 0 for statistics that were not gathered here; `dataset` is ""
    for exports of revisions that did not write it.
    """

    step: int
    architecture: str
    resolution: int
    image_channels: int
    num_classes: int
    latent_dim: int
    embedding_dim: int
    precision: str
    truncation_rule: str
    latent_distribution: str
    standing_batches: int
    standing_truncations: tuple[float, ...]
    dataset: str = ""

    @property
    def most_truncation(self) -> float:
        """The largest that requests may have."""
        return most_truncation(self.standing_truncations)

    @property
    def example_truncations(self) -> tuple[float, ...]:
        """The end of the grid, one of it, one between two and one below all."""
        return (self.most_truncation, 0.5, 0.33, 0.01)

    @property
    def tolerance(self) -> float:
        """How far an image in [-1, 1] may be from the live generator's."""
        if self.precision != "float32":
            return 0.1
        return 1e-5 if self.resolution < 128 else 1e-4


def facts_of(restored: Restored, grid: Sequence[float]) -> Facts:
    """The facts of an export that is being written."""
    spec, sampling = restored.spec, restored.config.sampling
    embedding_dim = 0
    if spec.num_classes:
        one = restored.average.class_embedding(tf.zeros([1], tf.int32))
        embedding_dim = int(one.shape[1])
    return Facts(
        step=restored.step,
        architecture=spec.architecture,
        resolution=spec.resolution,
        image_channels=spec.image_channels,
        num_classes=spec.num_classes,
        latent_dim=spec.latent_dim,
        embedding_dim=embedding_dim,
        precision=spec.precision,
        truncation_rule=sampling.truncation_rule,
        latent_distribution=spec.latent_distribution,
        standing_batches=(
            0 if spec.statistics_truncations else sampling.standing_batches
        ),
        standing_truncations=tuple(grid),
        dataset=restored.config.data.dataset,
    )


def write_facts(folder: pathlib.Path, facts: Facts) -> None:
    """Writes export.json."""
    path = folder / EXTRA / FACTS_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(facts), indent=1) + "\n")


def read_facts(folder: pathlib.Path) -> Facts:
    """Reads export.json.

    Raises:
      InputError: the folder is no export of this package.
    """
    values = exported_facts(folder)
    values["standing_truncations"] = tuple(values["standing_truncations"])
    return Facts(**values)


def example_inputs(facts: Facts) -> Arrays:
    """Fixed inputs of four examples, on the truncation grid, between and below it."""
    count, classes = len(_SEEDS), facts.num_classes
    truncation = np.array(facts.example_truncations, np.float32)
    # As long as the statistics expect: a longer z is magnified by 1 / deviation, and
    # rounding with it.
    normal = np.random.default_rng(0).standard_normal((count, facts.latent_dim))
    z = truncation[:, None] * normal.clip(-2, 2).astype(np.float32)
    inputs: Arrays = {
        "z": z,
        "seed": np.array(_SEEDS, np.int64),
        "truncation": truncation,
    }
    if classes:
        inputs["label"] = np.linspace(0, classes - 1, count).astype(np.int32)
        inputs["y"] = np.eye(classes, dtype=np.float32)[inputs["label"]]
    return inputs


def live_outputs(
    average: keras.Model, facts: Facts, spec: ModelSpec, tables: Tables
) -> Arrays:
    """What the live generator makes of `example_inputs`.

    Args:
      average: unfolded; its moving statistics are overwritten.
      facts: of the export.
      spec: what the generator was built from.
      tables: (means, variances) [T, C] of each batch norm.

    Returns:
      images [4, H, W, C] of z, image [4, H, W, C] uint8 of seeds, latents [4, Z] of
      seeds, class_embedding [4, E].
    """
    inputs = example_inputs(facts)
    images, pictures, latents = [], [], []
    for i, truncation in enumerate(facts.example_truncations):
        _set_statistics(average, tables, facts.standing_truncations, truncation)
        labels = inputs["label"][i : i + 1] if facts.num_classes else None
        images.append(average(inputs["z"][i : i + 1], labels).numpy())
        uniforms = reference_uniforms(_SEEDS[i], facts.latent_dim)
        z = truncate_uniform(
            facts.truncation_rule, spec.latent_distribution, uniforms, truncation
        )
        latents.append(z.numpy())
        pictures.append(to_uint8(average(z, labels)).numpy())
    outputs = {
        "images": np.concatenate(images),
        "image": np.concatenate(pictures),
        "latents": np.concatenate(latents),
    }
    if facts.num_classes:
        outputs["class_embedding"] = np.array(average.class_embedding(inputs["label"]))
    return outputs


def _set_statistics(
    average: keras.Model, tables: Tables, grid: Sequence[float], truncation: float
) -> None:
    for layer, (means, variances) in zip(statistics_of(average), tables, strict=True):
        layer.moving_mean.assign(_between(grid, means, truncation))
        layer.moving_variance.assign(_between(grid, variances, truncation))


def _between(grid: Sequence[float], table: np.ndarray, truncation: float) -> np.ndarray:
    """The row [C] of table [T, C] at a truncation, linearly; the ends hold."""
    columns = [np.interp(truncation, grid, column) for column in table.T]
    return np.array(columns, np.float32)


def reference_uniforms(seed: int, size: int) -> tf.Tensor:
    """The uniforms [1, size] of a seed, from the framework's own Philox."""
    blocks = []
    for block in range(-(-size // 4)):
        blocks.append(
            tf.raw_ops.StatelessRandomUniformFullIntV2(
                shape=[4],
                key=np.array([seed % 2**64], np.uint64),
                counter=np.array([block, 0], np.uint64),
                alg=_PHILOX,
                dtype=tf.uint32,
            ).numpy()
        )
    words = np.concatenate(blocks)[:size]
    return tf.constant([(words >> 8) * 2.0**-23 - 1.0], tf.float32)


def record(
    folder: pathlib.Path, restored: Restored, tables: Tables, grid: Sequence[float]
) -> None:
    """Writes examples.npz.

    Raises:
      InputError: the live generator's images are not finite.
    """
    facts = facts_of(restored, grid)
    outputs = live_outputs(restored.average, facts, restored.spec, tables)
    if not np.isfinite(outputs["images"]).all():
        raise InputError(
            f"The generator of step {restored.step} makes images that are not finite: "
            "its weights have diverged. Export an earlier one with --step=N."
        )
    inputs = {f"input_{k}": v for k, v in example_inputs(facts).items()}
    expected = {f"live_{k}": v for k, v in outputs.items()}
    statistics = {
        f"{kind}_{i}": table
        for i, pair in enumerate(tables)
        for kind, table in zip(("means", "variances"), pair)
    }
    path = folder / EXTRA / EXAMPLES_FILE
    arrays: dict[str, Any] = {**inputs, **expected, **statistics}
    np.savez(path, **arrays)


def read_examples(folder: pathlib.Path) -> tuple[Arrays, Arrays, Tables]:
    """(inputs, live outputs, tables of statistics) as `record` wrote them."""
    with np.load(folder / EXTRA / EXAMPLES_FILE) as file:
        arrays = dict(file)
    means, variances = (
        _with_prefix(arrays, prefix) for prefix in ("means_", "variances_")
    )
    tables = [(means[str(i)], variances[str(i)]) for i in range(len(means))]
    return _with_prefix(arrays, "input_"), _with_prefix(arrays, "live_"), tables


def _with_prefix(arrays: Arrays, prefix: str) -> Arrays:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
