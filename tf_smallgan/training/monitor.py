"""What is logged beside the losses: spectra of the layers, core-sets, images seen."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_smallgan.config import Config, defaults
from tf_smallgan.data.batches import BatchPlan, large_batch_radius
from tf_smallgan.data.dataset import TrainingData
from tf_smallgan.distribution.cluster import Cluster
from tf_smallgan.errors import InputError
from tf_smallgan.models.spectral_norm import Kernel
from tf_smallgan.training.prior import Prior


class SeenRecords:
    """A bit for each record."""

    def __init__(self, num_images: int):
        """Nothing is seen yet."""
        self._seen = np.zeros(num_images, bool)

    def add(self, index: np.ndarray) -> None:
        """Marks record numbers of any shape, a batch's `index`."""
        self._seen[np.asarray(index).ravel()] = True

    @property
    def fraction(self) -> float:
        """Records seen over all records."""
        return float(self._seen.mean())

    def to_bytes(self) -> bytes:
        """The bits, for a checkpoint."""
        return np.packbits(self._seen).tobytes()

    def restore(self, packed: bytes) -> None:
        """Takes up what `to_bytes` gave for as many records.

        Raises:
          ValueError: it is of another number of records.
        """
        expected = (len(self._seen) + 7) // 8
        if len(packed) != expected:
            raise ValueError(
                f"{len(packed)} bytes do not hold {len(self._seen)} bits; expected "
                f"{expected} bytes"
            )
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=len(self._seen))
        self._seen = bits.astype(bool)


Values = dict[str, float]


def spectrum_reader(networks: dict[str, keras.Model]) -> Callable[[], Values]:
    """A function that gives `spectral/NETWORK/LAYER` to its singular value.

    Args:
      networks: by name; kernels that are not spectrally normalised are left out.
    """
    kernels = {
        f"spectral/{name}/{path}": kernel
        for name, network in networks.items()
        for path, kernel in _named_kernels(network)
        if kernel.right is not None
    }

    @tf.function(autograph=False)
    def read() -> list[tf.Tensor]:
        return [kernel.sigma(training=False) for kernel in kernels.values()]

    def values() -> Values:
        return {name: float(value) for name, value in zip(kernels, read())}

    return values


def _named_kernels(layer: keras.Layer) -> Iterator[tuple[str, Kernel]]:
    """The kernels below a layer, by the attributes that lead there: `block0/conv1`.

    Variables' own paths will not do: all kernels are called alike in them.
    """
    for name, child in vars(layer).items():
        if isinstance(child, Kernel):
            yield "", child
        elif isinstance(child, keras.Layer):
            for rest, kernel in _named_kernels(child):
                yield f"{name}/{rest}".rstrip("/"), kernel


def largest(values: Values) -> Values:
    """`spectral/NETWORK_max`: the largest of each network."""
    found: Values = {}
    for name, value in values.items():
        network = "/".join(name.split("/")[:2]) + "_max"
        found[network] = max(value, found.get(network, value))
    return found


def batch_plan(config: Config, replicas: int) -> BatchPlan:
    """How the data side draws its batches."""
    data, chosen = config.data, config.coreset
    return BatchPlan(
        seed=config.run.seed,
        batch_size=config.training.batch_size,
        num_replicas=replicas,
        discriminator_steps=config.training.discriminator_steps,
        oversample=chosen.data_oversample,
        method=chosen.coreset_method,
        scope=chosen.coreset_scope,
        weights=chosen.coreset_weights,
        per_class_balance=chosen.coreset_class_balance,
        resolution=data.resolution,
        channels=data.image_channels or 3,
        random_flip=bool(data.random_flip),
    )


def make_prior(config: Config) -> Prior:
    """How the prior side draws its batches."""
    spec = defaults.model_spec(config)
    chosen = config.coreset
    return Prior(
        distribution=spec.latent_distribution,
        latent_dim=spec.latent_dim,
        num_classes=spec.num_classes,
        oversample=chosen.prior_oversample,
        method=chosen.prior_method,
        scope=chosen.coreset_scope,
        weighted=chosen.coreset_weights,
        seed=config.run.seed,
    )


class CoresetObserver:
    """Follows what the core-sets choose.

    Attributes:
      seen: a bit for each image that was ever trained on, part of the checkpoint. A
        worker marks what its own replicas train on; `join` gives each all of them.
    """

    def __init__(
        self, config: Config, data: TrainingData, strategy: tf.distribute.Strategy
    ):
        self._plan = batch_plan(config, strategy.num_replicas_in_sync)
        self._prior = make_prior(config)
        self._data, self._strategy = data, strategy
        self._cluster = data.cluster
        self.seen = SeenImages(data.table.identity_ranks(), data.table.identity_hash)

    def observe(self, batch: dict[str, Any]) -> None:
        """Marks the images of a distributed batch."""
        for index in self._strategy.experimental_local_results(batch["index"]):
            self.seen.add(index.numpy())

    def join(self) -> None:
        """Gives every worker the marks of all; all must call it."""
        self.seen.join(self._cluster)

    def report(self, step: int) -> dict[str, float]:
        """Share of images seen, and the radius of each core-set that is on."""
        self.join()
        values: dict[str, Any] = {"images_seen_share": self.seen.share}
        plan = self._plan
        if self._prior.oversample > 1:
            report = self._prior.radius(
                step, plan.replica_batch_size, plan.num_replicas
            )
            values |= {f"prior_coreset/{k}": v for k, v in report.items()}
        if self._data.embeddings is not None:
            report = large_batch_radius(
                plan, self._data.table, self._data.embeddings, step
            )
            values |= {f"data_coreset/{k}": v for k, v in report.items()}
        return {name: float(value) for name, value in values.items()}


class SeenImages(tf.train.experimental.PythonState):
    """A bit for each image, kept in checkpoints.

    Args:
      ranks: [N], of each record a place that it keeps when records are renumbered.
      identity: hexadecimal, tells the data set from others.
    """

    def __init__(self, ranks: np.ndarray, identity: str):
        self._ranks = ranks
        self._records = SeenRecords(len(ranks))
        self._identity = bytes.fromhex(identity)

    def add(self, numbers: np.ndarray) -> None:
        """Marks record numbers of any shape."""
        self._records.add(self._ranks[numbers])

    def join(self, cluster: Cluster) -> None:
        """Marks what any worker marked; all must call it."""
        packed = self._records.to_bytes()
        padded = packed + bytes(-len(packed) % 8)
        of_all = np.bitwise_or.reduce(cluster.gather(np.frombuffer(padded, np.int64)))
        self._records.restore(of_all.tobytes()[: len(packed)])

    @property
    def share(self) -> float:
        """Images seen over all images."""
        return self._records.fraction

    def serialize(self) -> bytes:
        """For the checkpoint."""
        return self._identity + self._records.to_bytes()

    def deserialize(self, value: bytes) -> None:
        """From the checkpoint.

        Raises:
          InputError: it is of other data.
        """
        size = len(self._identity)
        if value[:size] != self._identity:
            raise InputError(
                "The run was trained on other data than the data set holds now: images "
                "were added, removed or changed, or have other labels. Put the data "
                "back, or choose another --workdir to start afresh."
            )
        self._records.restore(value[size:])
