"""Where images to score come from: a generator or an export, keyed by index.

Sample i depends on the seed and i alone, not on how many replicas draw.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from tf_smallgan.config import Config
from tf_smallgan.config_sections import DataConfig
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.features import CHUNK_IMAGES, Batch
from tf_smallgan.models.sampler import Sampler, balanced_labels, to_uint8
from tf_smallgan.models.spec import ModelSpec
from tf_smallgan.models.standing import images_a_pass
from tf_smallgan.replicas import OnReplicas
from tf_smallgan.workdir import exported_facts, version_folder


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
    named = config.run.workdir or dataset != DataConfig().dataset
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
