"""What samples are drawn from: a workdir's generator or an export."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import tensorflow as tf

from tf_smallgan import settings
from tf_smallgan.config import Config
from tf_smallgan.errors import InputError
from tf_smallgan.models.sampler import Sampler
from tf_smallgan.models.standing import images_a_pass
from tf_smallgan.training.checkpoints import checkpoint_path
from tf_smallgan.training.state import restore_average
from tf_smallgan.workdir import (
    Workdir,
    check_exported_rule,
    exported_facts,
    version_folder,
)


class Drawer(Protocol):
    """What a sheet is drawn from.

    Attributes:
      num_classes: K, 0 for an unconditional generator.
      image_shape: (H, W, C).
      origin: which generator it is, to print.
    """

    num_classes: int
    image_shape: tuple[int, int, int]
    origin: str

    def draw(self, labels: np.ndarray) -> np.ndarray:
        """[N, H, W, C] uint8, one image a label [N]."""

    def interpolate(self, labels: np.ndarray, columns: int) -> np.ndarray:
        """[N * columns, H, W, C] uint8: from each of labels [N + 1] to the next."""


def open_drawer(config: Config) -> Drawer:
    """The workdir's averaged generator, or the export that is named.

    Raises:
      InputError: neither is named or there.
    """
    wanted = config.sample
    assert wanted is not None
    if wanted.export_dir:
        if wanted.step != "last":
            raise InputError(
                f"--step={wanted.step} names a checkpoint of --workdir, and "
                "--export_dir is sampled from; give one of the two."
            )
        check_exported_rule(wanted.export_dir, config.sampling.truncation_rule)
        return ExportDrawer(wanted.export_dir, wanted.truncation, config.run.seed)
    return WorkdirDrawer(config, wanted.truncation, wanted.step)


class WorkdirDrawer:
    """Draws from a run's averaged generator with standing statistics."""

    def __init__(self, config: Config, truncation: float, step: str):
        config = settings.complete(config)
        spec = settings.model_spec(config)
        path = checkpoint_path(Workdir(config.run.workdir), step)
        average, number = restore_average(spec, path)
        self.origin = f"step {number}"
        self.num_classes = spec.num_classes
        self.image_shape = (spec.resolution, spec.resolution, spec.image_channels)
        self._sampler = Sampler(
            average,
            spec,
            rule=config.sampling.truncation_rule,
            truncation=truncation,
            batch_size=images_a_pass(spec.resolution),
            seed=config.run.seed,
            standing_batches=config.sampling.standing_batches,
        )

    def draw(self, labels: np.ndarray) -> np.ndarray:
        return _gathered(self._sampler.stream(labels), len(labels), self.image_shape)

    def interpolate(self, labels: np.ndarray, columns: int) -> np.ndarray:
        sampler = self._sampler
        latents = blend(sampler.latents(len(labels)), columns)
        embeddings = None
        if self.num_classes:
            table = sampler.embed(labels.astype(np.int32))
            assert table is not None
            embeddings = blend(table, columns)
        return sampler.images_of_embeddings(latents, embeddings)


def _gathered(
    batches: Iterable[np.ndarray], count: int, shape: tuple[int, int, int]
) -> np.ndarray:
    """[count, *shape] uint8 of `batches`, without a second copy of them all."""
    images = np.empty((count, *shape), np.uint8)
    done = 0
    for batch in batches:
        images[done : done + len(batch)] = batch
        done += len(batch)
    return images


def blend(points: np.ndarray, columns: int) -> np.ndarray:
    """Straight lines from each of points [N + 1, D] to the next: [N * columns, D]."""
    share = np.linspace(0, 1, columns, dtype=np.float32)[None, :, None]
    lines = points[:-1, None] * (1 - share) + points[1:, None] * share
    return lines.reshape(-1, points.shape[-1]).astype(np.float32)


class ExportDrawer:
    """Draws from an exported SavedModel by its signatures alone."""

    def __init__(self, export_dir: str, truncation: float, seed: int):
        version = version_folder(export_dir)
        self._facts = exported_facts(version)
        size = self._facts["resolution"]
        self.image_shape = (size, size, self._facts["image_channels"])
        self._pass = images_a_pass(size)
        self._module = tf.saved_model.load(str(version))
        self.origin = str(version)
        self._signatures = self._module.signatures
        # As of a workdir's latents: any seed will do.
        self._truncation, self._seed = truncation, seed % 2**31
        inputs = self._signatures["default"].structured_input_signature[1]
        self.num_classes = int(inputs["y"].shape[1]) if "y" in inputs else 0
        self._latent_dim = int(inputs["z"].shape[1])

    def draw(self, labels: np.ndarray) -> np.ndarray:
        return _gathered(self._stream(labels), len(labels), self.image_shape)

    def _stream(self, labels: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(labels), self._pass):
            part = labels[start : start + self._pass]
            seeds = self._seed * 2**32 + np.arange(start, start + len(part))
            arguments = {
                "seed": tf.constant(seeds, tf.int64),
                "truncation": tf.fill([len(part)], self._truncation),
            }
            if self.num_classes:
                arguments["label"] = tf.constant(part, tf.int32)
            outputs = self._signatures["serving_default"](**arguments)
            yield outputs["image"].numpy()

    def interpolate(self, labels: np.ndarray, columns: int) -> np.ndarray:
        seed = tf.constant([self._seed, 0], tf.int32)
        from tf_smallgan.models.latents import sample_truncated

        corners = sample_truncated(
            self._facts["truncation_rule"],
            self._facts["latent_distribution"],
            [len(labels), self._latent_dim],
            seed,
            self._truncation,
        )
        latents = blend(corners.numpy(), columns)
        one_hot = None
        if self.num_classes:
            one_hot = blend(np.eye(self.num_classes, dtype=np.float32)[labels], columns)
        parts = []
        for start in range(0, len(latents), self._pass):
            part = slice(start, start + self._pass)
            arguments = {
                "z": tf.constant(latents[part]),
                "truncation": tf.fill([len(latents[part])], self._truncation),
            }
            if one_hot is not None:
                arguments["y"] = tf.constant(one_hot[part])
            parts.append(self._signatures["default"](**arguments)["default"].numpy())
        images = np.concatenate(parts)
        return np.clip(np.round((images + 1) * 127.5), 0, 255).astype(np.uint8)
