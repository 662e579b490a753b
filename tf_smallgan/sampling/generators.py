"""Sources of generated images: the generator of a checkpoint, or an export.

Sample i depends on the seed, the truncation and i alone, not on how many replicas draw
or how many samples follow: `sample` and `evaluate` draw the same images.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from tf_smallgan.config import EVALUATE, Config, defaults, parse
from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.config.commands import SampleConfig
from tf_smallgan.config.flags import DataFlags
from tf_smallgan.distribution.replicas import OnReplicas
from tf_smallgan.errors import InputError
from tf_smallgan.models.latents import sample_truncated
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
"""Images [B, H, W, C] uint8 and their labels [B] int32."""


class GeneratedImages(Protocol):
    """A generator to draw images from.

    Attributes:
      num_classes: K, 0 for an unconditional generator.
      image_shape: (H, W, C).
      origin: which generator it is, to print.
      facts: how images are drawn; scores compare only if these are equal.
    """

    num_classes: int
    image_shape: tuple[int, int, int]
    origin: str
    facts: dict[str, Any]

    def images(self, labels: np.ndarray, truncation: float) -> Iterator[Batch]:
        """One image per label [N], in batches of at most 64; sample i has labels[i]."""

    def interpolate(
        self, labels: np.ndarray, columns: int, truncation: float
    ) -> np.ndarray:
        """[N * columns, H, W, C] uint8: from each of labels [N + 1] to the next."""


def open_generator(config: SampleConfig) -> GeneratedImages:
    """The averaged generator of --workdir, or the export that is named.

    Raises:
      InputError: neither exists, or flags contradict each other.
    """
    wanted = config.sample
    if wanted.export_dir:
        if wanted.step != "last":
            raise InputError(
                f"--step={wanted.step} selects a checkpoint of --workdir and does not "
                "apply to --export_dir; give one of the two."
            )
        check_exported_rule(wanted.export_dir, config.sampling.truncation_rule)
        return ExportedGenerator(wanted.export_dir, None, config.run.seed)
    complete = defaults.with_defaults(config)
    spec = defaults.model_spec(complete)
    path = checkpoint_path(Workdir(config.run.workdir), wanted.step)
    average, number = restore_average(spec, path)
    return CheckpointGenerator(
        average,
        spec,
        rule=config.sampling.truncation_rule,
        seed=config.run.seed,
        bn="standing",
        standing_batches=config.sampling.standing_batches,
        origin=f"step {number}",
    )


def load_generator(
    workdir: str, step: str = "last", truncation: float = 1.0
) -> keras.Model:
    """The averaged generator of a run, ready to be called.

    Its spectral norm and its standing batch norm statistics are computed for these
    weights, as `sample` does:

        generator = load_generator("runs/digits")
        images = generator(latents, labels)  # [B, H, W, C] in [-1, 1]

    Latents [B, Z] should come from the truncation that is given
    (`models.latents.sample_truncated`); labels are [B] int32, or None for an
    unconditional generator.

    Args:
      workdir: the folder of the run.
      step: "best", "last" or the number of a kept checkpoint.
      truncation: that standing statistics are computed at, by the run's rule.

    Raises:
      InputError: there is no such run or checkpoint, or the truncation is out of range.
    """
    config = parse([f"--workdir={workdir}"], EVALUATE)
    spec = defaults.model_spec(defaults.with_defaults(config))
    path = checkpoint_path(Workdir(workdir), step)
    average, _ = restore_average(spec, path)
    sampling = config.sampling
    Sampler(
        average,
        spec,
        rule=sampling.truncation_rule,
        truncation=truncation,
        batch_size=images_a_pass(spec.resolution),
        seed=config.run.seed,
        standing_batches=sampling.standing_batches,
    )
    return average


def gather(
    batches: Iterable[Batch], count: int, shape: tuple[int, int, int]
) -> np.ndarray:
    """[count, *shape] uint8 of all batches, without a second copy of them."""
    images = np.empty((count, *shape), np.uint8)
    done = 0
    for batch, _ in batches:
        images[done : done + len(batch)] = batch
        done += len(batch)
    return images


def blend(points: np.ndarray, columns: int) -> np.ndarray:
    """Straight lines from each of points [N + 1, D] to the next: [N * columns, D]."""
    share = np.linspace(0, 1, columns, dtype=np.float32)[None, :, None]
    lines = points[:-1, None] * (1 - share) + points[1:, None] * share
    return lines.reshape(-1, points.shape[-1]).astype(np.float32)


def shuffled_labels(
    count: int, num_classes: int, seed: int, shares: np.ndarray | None = None
) -> np.ndarray:
    """[count] int32: each class as often as its share, up to one, in random order.

    Which classes get one more is random too. The order must be random because the
    kernel distance and the classifier score are computed over blocks of samples.

    Args:
      count: number of labels.
      num_classes: K, 0 for an unconditional generator.
      seed: of the order.
      shares: [K], sum to 1; equal if None.
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
    """(number, labels padded to 64 from the start, how many of them count)."""
    for number, start in enumerate(range(0, len(labels), CHUNK_IMAGES)):
        part = labels[start : start + CHUNK_IMAGES]
        yield number, np.resize(np.concatenate([part, labels]), CHUNK_IMAGES), len(part)


class CheckpointGenerator:
    """A restored generator, with batch norm set for the truncation that is drawn.

    Args:
      generator: the averaged one; its statistics are overwritten.
      spec: what it was built from.
      rule, seed, bn, standing_batches: as `models.sampler.Sampler` takes them.
      strategy: whose replicas draw.
      origin: which generator it is, to print.
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
        origin: str = "",
    ):
        self.num_classes, self.origin = spec.num_classes, origin
        self.image_shape = (spec.resolution, spec.resolution, spec.image_channels)
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
        """See `GeneratedImages`."""
        sampler = self._sampler_at(truncation)
        chunks = list(_chunks(labels))
        inputs = (
            (sampler.latents(CHUNK_IMAGES, number + 1), filled)
            for number, filled, _ in chunks
        )
        for (_, filled, size), images in zip(chunks, self._forward(inputs)):
            yield images[:size], filled[:size]

    def interpolate(
        self, labels: np.ndarray, columns: int, truncation: float
    ) -> np.ndarray:
        """See `GeneratedImages`."""
        sampler = self._sampler_at(truncation)
        latents = blend(sampler.latents(len(labels)), columns)
        table = sampler.embed(labels.astype(np.int32))
        embeddings = None if table is None else blend(table, columns)
        return sampler.images_of_embeddings(latents, embeddings)

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


class ExportedGenerator:
    """An exported generator, through its signatures.

    Args:
      folder: a version folder, or its parent, whose newest version is taken.
      spec: of the networks that the flags name; the export's images and classes must be
        the data's. None if no data are needed.
      seed: sample i is drawn with (seed modulo 2^31) * 2^32 + i.

    Raises:
      InputError: there is no export, or its images or classes differ from `spec`.
    """

    def __init__(self, folder: str, spec: ModelSpec | None, seed: int):
        path = version_folder(folder)
        exported = exported_facts(path)
        if spec is not None:
            _check_export(folder, exported, spec)
        self._loaded = tf.saved_model.load(str(path))
        self._exported, self._seed = exported, seed % 2**31
        self.origin = str(path)
        self.num_classes = exported["num_classes"]
        size = exported["resolution"]
        self.image_shape = (size, size, exported["image_channels"])
        self._pass = images_a_pass(size)
        # Not `step`, which names a checkpoint of a workdir.
        self.facts = {
            "export": str(path),
            "exported_step": exported["step"],
            "truncation_rule": exported["truncation_rule"],
            "bn": "as exported",
            "standing_batches": exported["standing_batches"],
            "seed": seed,
        }

    def images(self, labels: np.ndarray, truncation: float) -> Iterator[Batch]:
        """See `GeneratedImages`."""
        for number, filled, size in _chunks(labels):
            parts = [
                self._part(number * CHUNK_IMAGES + start, filled, start, truncation)
                for start in range(0, size, self._pass)
            ]
            yield np.concatenate(parts)[:size], filled[:size]

    def _part(
        self, sample: int, labels: np.ndarray, start: int, truncation: float
    ) -> np.ndarray:
        """Images of one pass: samples from `sample` on, labels from `start` on."""
        first = self._seed * 2**32 + sample
        inputs = {
            "seed": tf.range(first, first + self._pass, dtype=tf.int64),
            "truncation": tf.fill([self._pass], np.float32(truncation)),
        }
        if self.num_classes:
            part = labels[start : start + self._pass]
            inputs["label"] = tf.constant(part, tf.int32)
        return self._loaded.signatures["serving_default"](**inputs)["image"].numpy()

    def interpolate(
        self, labels: np.ndarray, columns: int, truncation: float
    ) -> np.ndarray:
        """See `GeneratedImages`."""
        call = self._loaded.signatures["default"]
        latent_dim = int(call.structured_input_signature[1]["z"].shape[1])
        corners = sample_truncated(
            self._exported["truncation_rule"],
            self._exported["latent_distribution"],
            [len(labels), latent_dim],
            tf.constant([self._seed, 0], tf.int32),
            truncation,
        )
        inputs = {"z": blend(corners.numpy(), columns)}
        if self.num_classes:
            one_hot = np.eye(self.num_classes, dtype=np.float32)[labels]
            inputs["y"] = blend(one_hot, columns)
        count, parts = len(inputs["z"]), []
        for start in range(0, count, self._pass):
            part = {
                k: tf.constant(v[start : start + self._pass]) for k, v in inputs.items()
            }
            size = part["z"].shape[0]
            outputs = call(truncation=tf.fill([size], np.float32(truncation)), **part)
            parts.append(to_uint8(outputs["default"]).numpy())
        return np.concatenate(parts)
