"""What samples are drawn from: a workdir's generator or an export."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from tf_smallgan.config import Config, defaults
from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.config.commands import SampleConfig
from tf_smallgan.config.flags import DataFlags
from tf_smallgan.distribution.replicas import OnReplicas
from tf_smallgan.errors import InputError
from tf_smallgan.sampling.sampler import Sampler, balanced_labels, to_uint8
from tf_smallgan.sampling.standing import images_a_pass
from tf_smallgan.training.checkpoint_files import checkpoint_path
from tf_smallgan.training.state import restore_average
from tf_smallgan.workdir import (
    Workdir,
    check_exported_rule,
    exported_facts,
    version_folder,
)

CHUNK_IMAGES = 64
Batch = tuple[np.ndarray, np.ndarray]


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


def open_drawer(config: SampleConfig) -> Drawer:
    """The workdir's averaged generator, or the export that is named.

    Raises:
      InputError: neither is named or there.
    """
    wanted = config.sample
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
        config = defaults.with_defaults(config)
        spec = defaults.model_spec(config)
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


# Where images to score come from: a generator or an export, keyed by index.
#
# Sample i depends on the seed and i alone, not on how many replicas draw.


class Supply(Protocol):
    """Images of one generator.

    Attributes:
      num_classes: K, 0 where it takes no labels.
      facts: what a score is not comparable without.
    """

    num_classes: int
    facts: dict[str, Any]

    def images(self, labels: np.ndarray, truncation: float) -> Iterator[Batch]:
        """One image a label, in batches of at most 64, sample i for labels[i]."""


def shuffled_labels(
    count: int, num_classes: int, seed: int, shares: np.ndarray | None = None
) -> np.ndarray:
    """[count] int32: every class as often as its share says up to one, shuffled.

    Which classes have one more is random too: of fewer samples than classes, each may
    be of any. Blocks of samples are taken for random ones (kernel distance, score's
    parts), so that classes must not come in turn.

    Args:
      shares: [K], sum to 1; all alike where there are none.
    """
    random = np.random.default_rng(seed)
    if shares is None:
        labels = balanced_labels(count, num_classes)
        rest = count % max(num_classes, 1)
        if rest:
            labels[-rest:] = random.choice(num_classes, rest, replace=False)
        return random.permutation(labels)
    whole = np.floor(count * shares).astype(int)
    rest = count - whole.sum()
    if rest:
        left = count * shares - whole
        more = random.choice(num_classes, rest, replace=False, p=left / left.sum())
        whole[more] += 1
    return random.permutation(np.repeat(np.arange(num_classes, dtype=np.int32), whole))


def _chunks(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray, int]]:
    """(number, labels filled up to 64 from the start, how many of them count)."""
    for number, start in enumerate(range(0, len(labels), CHUNK_IMAGES)):
        part = labels[start : start + CHUNK_IMAGES]
        yield number, np.resize(np.concatenate([part, labels]), CHUNK_IMAGES), len(part)


class GeneratorSupply:
    """A generator with batch norm set for the truncation that is asked for.

    Args:
      generator: the averaged one; its statistics are overwritten.
      spec: what it was built from.
      rule, seed, bn, standing_batches: as `models.sampler.Sampler` takes them.
      strategy: whose replicas draw.
    """

    def __init__(
        self,
        generator: keras.Model,
        spec: ModelSpec,
        *,
        rule: str,
        seed: int,
        bn: str,
        standing_batches: int,
        strategy: tf.distribute.Strategy | None = None,
    ):
        self.num_classes = spec.num_classes
        self._generator, self._spec = generator, spec
        self._settings: dict[str, Any] = {
            "rule": rule,
            "seed": seed,
            "bn": bn,
            "standing_batches": standing_batches,
        }
        # Some generators bring their statistics.
        gathers = bn == "standing" and not spec.statistics_truncations
        self.facts = {
            "truncation_rule": rule,
            "bn": bn,
            "standing_batches": standing_batches if gathers else 0,
            "seed": seed,
        }
        self._sampler: Sampler | None = None
        self._as_trained = _values(generator)
        # Batch statistics span the replicas: with them one replica must draw alone.
        batch = bn == "batch"
        self._forward = OnReplicas(
            self._images, None if batch else strategy, shared=True
        )

    def _images(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        if self._settings["bn"] == "batch":
            return self._pass(latents, labels)
        # Not all at once: memory is a pass's.
        parts = CHUNK_IMAGES // images_a_pass(self._spec.resolution)
        if parts == 1:
            return self._pass(latents, labels)
        split = tf.split(latents, parts), tf.split(labels, parts)
        images = tf.map_fn(
            lambda part: self._pass(*part),
            tuple(tf.stack(x) for x in split),
            fn_output_signature=tf.uint8,
            parallel_iterations=1,
        )
        return tf.reshape(images, [CHUNK_IMAGES, *images.shape[2:]])

    def _pass(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return to_uint8(
            self._generator(
                latents,
                labels if self.num_classes else None,
                batch_statistics=self._settings["bn"] == "batch",
            )
        )

    def images(self, labels: np.ndarray, truncation: float) -> Iterator[Batch]:
        """See `Supply`."""
        sampler = self._sampler_at(truncation)
        chunks = list(_chunks(labels))
        inputs = (
            (sampler.latents(CHUNK_IMAGES, number + 1), filled)
            for number, filled, _ in chunks
        )
        for (_, filled, size), images in zip(chunks, self._forward(inputs)):
            yield images[:size], filled[:size]

    def weights_changed(self) -> None:
        """Standing statistics are gathered anew, by the graphs that are there."""
        self._as_trained = _values(self._generator)
        if self._sampler is not None:
            self._sampler.refresh()

    def _sampler_at(self, truncation: float) -> Sampler:
        """Kept while the truncation stays: standing statistics take a while."""
        if self._sampler is None or self._sampler.truncation != truncation:
            # Preparing a sampler moves them: what it starts from must not depend on
            # which truncations came before.
            variables = self._generator.non_trainable_variables
            for variable, value in zip(variables, self._as_trained):
                variable.assign(value)
            self._sampler = Sampler(
                self._generator,
                self._spec,
                truncation=truncation,
                batch_size=images_a_pass(self._spec.resolution),
                **self._settings,
            )
        return self._sampler


def _values(generator: keras.Model) -> list[np.ndarray]:
    """Spectral norm vectors and moving statistics."""
    return [variable.numpy() for variable in generator.non_trainable_variables]


def check_exported_data(folder: str, config: Config) -> None:
    """Refuses real images that nobody named where an export was not trained on them.

    Raises:
      InputError: they are the default's and not its own, or there is no export.
    """
    trained_on = exported_facts(version_folder(folder)).get("dataset", "")
    dataset = config.data.dataset
    named = config.run.workdir or dataset != DataFlags().dataset
    if not named and trained_on not in ("", dataset):
        raise InputError(
            f"--export_dir={folder} was trained on {trained_on}, and "
            f"--dataset={dataset} is the default: give --dataset={trained_on} and its "
            "--data_dir, or its --workdir."
        )


def _check_export(folder: str, exported: dict[str, Any], spec: ModelSpec) -> None:
    """Raises InputError where images or classes of an export are not the data's."""
    names = ["resolution", "image_channels"]
    # An unconditional export is not asked for a class, whatever the data have.
    if exported["num_classes"]:
        names.append("num_classes")
    for name in names:
        wanted = getattr(spec, name)
        if exported[name] != wanted:
            raise InputError(
                f"--export_dir={folder} has {name} {exported[name]}, and the data that "
                f"it is scored against have {wanted}; give its own --workdir, or the "
                "--dataset, --resolution and classes that it was trained on."
            )


class ExportSupply:
    """An exported generator, through its serving signature.

    Args:
      folder: a version folder, or its parent: then the newest version counts.
      spec: of the networks that the flags name; its images and classes are the data's.
        None where no data are needed.
      seed: sample i is drawn with (seed modulo 2^31) * 2^32 + i.

    Raises:
      InputError: there is no export, or its images or classes are not those of `spec`.
    """

    def __init__(self, folder: str, spec: ModelSpec | None, seed: int):
        path = version_folder(folder)
        exported = exported_facts(path)
        if spec is not None:
            _check_export(folder, exported, spec)
        self._loaded = tf.saved_model.load(str(path))
        self._call = self._loaded.signatures["serving_default"]
        self.num_classes = exported["num_classes"]
        self._pass = images_a_pass(exported["resolution"])
        self._first_seed = seed % 2**31 * 2**32
        # Not `step`: that is of a checkpoint of the workdir.
        self.facts = {
            "export": str(path),
            "exported_step": exported["step"],
            "truncation_rule": exported["truncation_rule"],
            "bn": "as exported",
            "standing_batches": exported["standing_batches"],
            "seed": seed,
        }

    def images(self, labels: np.ndarray, truncation: float) -> Iterator[Batch]:
        """See `Supply`."""
        for number, filled, size in _chunks(labels):
            parts = [
                self._part(number * CHUNK_IMAGES + start, filled, start, truncation)
                for start in range(0, size, self._pass)
            ]
            yield np.concatenate(parts)[:size], filled[:size]

    def _part(
        self, sample: int, labels: np.ndarray, start: int, truncation: float
    ) -> np.ndarray:
        """Images of a pass: samples from `sample` on, of labels from `start` on."""
        first = self._first_seed + sample
        inputs = {
            "seed": tf.range(first, first + self._pass, dtype=tf.int64),
            "truncation": tf.fill([self._pass], np.float32(truncation)),
        }
        if self.num_classes:
            part = labels[start : start + self._pass]
            inputs["label"] = tf.constant(part, tf.int32)
        return self._call(**inputs)["image"].numpy()
