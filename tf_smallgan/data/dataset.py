"""From `--dataset` to what training reads: record table, classifier, embeddings."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_smallgan import config as config_lib
from tf_smallgan.config import Config, defaults
from tf_smallgan.config.flags import DataFlags
from tf_smallgan.console import Counter
from tf_smallgan.data import images, labels
from tf_smallgan.data.digits import DigitsSource
from tf_smallgan.data.embeddings import (
    DEFAULT_SHARD_SIZE,
    CacheBuild,
    CacheSpec,
    is_complete,
    load_cache,
)
from tf_smallgan.data.images import refuse_unreadable
from tf_smallgan.data.records import (
    ImageSource,
    Progress,
    Reader,
    RecordTable,
    no_progress,
)
from tf_smallgan.distribution.cluster import Cluster, cluster_of
from tf_smallgan.distribution.replicas import OnReplicas, local_count
from tf_smallgan.distribution.strategy import whole_float32
from tf_smallgan.errors import InputError
from tf_smallgan.models.classifier import Classifier, load_or_train_classifier
from tf_smallgan.workdir import cache_folder

_TABLE = "records.npz"


def open_source(data: DataFlags) -> ImageSource:
    """Opens a data set; TFDS prepares it first if it is not there.

    Raises:
      InputError: there is no such data set, split or folder, or it has no
        images that can be used.
    """
    if data.dataset == "digits":
        return DigitsSource(data.split)
    if data.dataset == "image_folder":
        from tf_smallgan.data.image_folder import ImageFolderSource

        return ImageFolderSource(data.data_dir, data.split, data.conditional)
    # Only here, since importing TFDS takes seconds.
    from tf_smallgan.data.tfds import TfdsSource

    return TfdsSource(data.dataset, data.data_dir, data.split)


def load_table(
    source: ImageSource, folder: str, report: Progress = no_progress
) -> RecordTable:
    """The source's table: scanned once, then read from `folder`.

    It is scanned again when the files no longer look as they did.

    Args:
      source: an opened data set.
      folder: where the table is kept, the embedding cache's folder.
      report: progress of the scan, (records done, records in all).
    """
    path = f"{folder}/{_TABLE}"
    if tf.io.gfile.exists(path):
        table = RecordTable.load(path)
        if (table.source, table.storage) == (_title(source), source.storage()):
            return table
    table = source.scan(report)
    table.save(path)
    return table


def _title(source: ImageSource) -> str:
    return f"{source.name} {source.split}"


_PIXEL_GRID = 8
_EMBED_BATCH = 64


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """A data set that is ready.

    Attributes:
      config: the completed config.
      embeddings: [N, E] float32, None where no core-set of data is chosen.
      cluster: the workers that share `folder`.
    """

    config: Config
    source: ImageSource
    table: RecordTable
    read: Reader
    folder: pathlib.Path
    embeddings: np.ndarray | None
    cluster: Cluster = Cluster()

    def images(self, records: np.ndarray | None = None) -> tf.data.Dataset:
        """Single unflipped (image [H, W, C] uint8, label) of `records` in their order.

        All of the table in its order when None.
        """
        data = self.config.data
        return images.decoded_images(
            self.read, self.table, data.resolution, data.image_channels or 3, records
        )

    def classifier(self) -> Classifier:
        """The small classifier, trained at the first call."""
        with self.cluster.chief_first():
            return classifier_of(self.config, self.read, self.table, self.folder)


def open_data(
    config: Config,
    say: Callable[[str], None] = print,
    cluster: Cluster = Cluster(),  # noqa: B008 - frozen
) -> TrainingData:
    """Opens the data set, scans it once, and says what it holds.

    Args:
      config: as the flags gave it.
      say: gets each line for the user.
      cluster: its chief downloads and scans before the others look.

    Raises:
      InputError: the data set or its labels do not fit the flags, or workers see
        different files.
    """
    # Of one class is only what says so itself: mostly the folder was mistaken.
    one_class = config.data.num_classes == 1
    with cluster.chief_first():
        source = open_source(config.data)
        config = defaults.with_defaults(config, source)
        folder = cache_folder(config)
        with contextlib.closing(Counter("scanning")) as report:
            table = load_table(source, str(folder), report)
        if source.notice:
            say(source.notice)
    if not config.data.conditional and labels.has_unlabelled(table):
        # Classes that images do not have: nothing can be trained on them or scored.
        config = config_lib.replace(config, num_classes=None)
    data = config.data
    cluster.check_same(
        int(table.identity_hash[:12], 16), f"--data_dir={data.data_dir} (its images)"
    )
    say(labels.describe(table, data.image_channels or 3, source.class_names))
    labels.check_labels(table, bool(data.conditional), data.num_classes, one_class)
    unlearned = labels.classes_without_images(table, data.num_classes)
    if data.conditional and unlearned:
        say(unlearned)
    read = source.reader(table)
    return TrainingData(config, source, table, read, folder, None, cluster)


def prepare(
    config: Config,
    say: Callable[[str], None] = print,
    strategy: tf.distribute.Strategy | None = None,
) -> TrainingData:
    """Opens the data set and makes its embedding cache where one is needed.

    Args:
      config: as the flags gave it.
      say: gets each line for the user.
      strategy: as `embedded` takes it.

    Raises:
      InputError: as `open_data` and `embedded`.
    """
    check_weights_file(config)
    cluster = cluster_of(strategy) if strategy else Cluster()
    return embedded(open_data(config, say, cluster), say, strategy)


def check_weights_file(config: Config) -> None:
    """Raises InputError where Inception's weights are needed and are not there."""
    embeds = config.coreset.embedder == "inception"
    scores = config.schedule.eval_every_steps and config.coreset.inception_weights
    if scores or (embeds and config.coreset.data_oversample > 1):
        # Only here, since most runs do without.
        from tf_smallgan.models.inception import check_file

        check_file(config.coreset.inception_weights)


@whole_float32()
def embedded(
    data: TrainingData,
    say: Callable[[str], None] = print,
    strategy: tf.distribute.Strategy | None = None,
) -> TrainingData:
    """`data` with its embedding cache, made where one is needed and not there.

    Args:
      data: opened.
      say: gets each line for the user.
      strategy: whose replicas embed a share of each batch; its workers embed a share
        of the images each, into one folder.

    Raises:
      InputError: a cache of something else; no classes and no Inception weights.
    """
    if data.config.coreset.data_oversample == 1:
        return data
    embedder, fingerprint = _make_embedder(data, say, strategy)
    spec = CacheSpec(
        dataset=data.config.data.dataset,
        split=data.config.data.split,
        resolution=data.config.data.resolution,
        channels=data.config.data.image_channels or 3,
        embedder=fingerprint,
        embedding_dim=data.config.coreset.embedding_dim,
        projection_seed=cache_seed(data.config),
    )
    folder = str(data.folder)
    complete = is_complete(folder, data.table, spec)
    data.cluster.check_same(int(complete), f"--cache_dir={folder} (a finished cache)")
    if complete:
        how = "from"
    else:
        _embed(data, spec, shared_by_replicas(embedder, strategy), strategy)
        how = "written to"
    embeddings = load_cache(folder, data.table, spec)
    say(f"Embeddings: {_shape(embeddings)} {how} {folder}")
    return dataclasses.replace(data, embeddings=embeddings)


def _embed(
    data: TrainingData,
    spec: CacheSpec,
    embed: Callable[[np.ndarray], np.ndarray],
    strategy: tf.distribute.Strategy | None,
) -> None:
    """Writes this worker's share of the cache; returns when all have written theirs."""
    cluster = data.cluster
    share = -(-data.table.num_images // cluster.workers)
    with contextlib.closing(Counter("embedding")) as report:
        build = CacheBuild(
            str(data.folder),
            data.read,
            data.table,
            spec,
            embed,
            batch_size=_EMBED_BATCH * local_count(strategy),
            shard_size=min(DEFAULT_SHARD_SIZE, share),
            report=report,
        )
        with cluster.chief_first():
            begun = build.begin()
        cluster.check_same(
            begun, f"--cache_dir={data.folder} (when the cache there was begun)"
        )
        build.run(cluster.worker, cluster.workers)
    cluster.meet()


def shared_by_replicas(
    embed: Callable[[Any], tf.Tensor], strategy: tf.distribute.Strategy | None
) -> Callable[[np.ndarray], np.ndarray]:
    """An embedder that gives each replica an equal part of images [B, H, W, C]."""
    on_replicas = OnReplicas(embed, strategy, shared=False)
    replicas = local_count(strategy)

    def embed_parts(pixels: np.ndarray) -> np.ndarray:
        parts = [(part,) for part in np.split(pixels, replicas)]
        return np.concatenate(list(on_replicas(parts)))

    return embed_parts


def _shape(embeddings: np.ndarray) -> str:
    return f"{embeddings.shape[0]:,} images x {embeddings.shape[1]} dimensions"


def _make_embedder(
    data: TrainingData,
    say: Callable[[str], None],
    strategy: tf.distribute.Strategy | None,
) -> tuple[Callable[[np.ndarray], Any], dict[str, Any]]:
    """images [B, H, W, C] uint8 -> features [B, F], and its fingerprint.

    Its weights lie on the replicas of `strategy`, which are to embed.
    """
    name = data.config.coreset.embedder
    if name == "pixels":
        return pixel_features, {"name": "pixels", "grid": _PIXEL_GRID}
    if name == "inception":
        # Only here, since most runs do without.
        from tf_smallgan.models.inception import load_inception

        with (strategy or tf.distribute.get_strategy()).scope():
            network = load_inception(data.config.coreset.inception_weights)
        return network.features, {"name": name, "weights": network.weights_hash}
    classifier = data.classifier()
    say(f"Classifier: {classifier.accuracy:.1%} right on held-out images")
    embedder = classifier.on(strategy)
    return embedder.features, {"name": name, "weights": classifier.weights_hash}


def cache_seed(config: Config) -> int:
    """What the random parts of a cache follow from: classifier and projection."""
    given = config.coreset.cache_seed
    return config.run.seed if given is None else given


def pixel_features(pixels: np.ndarray) -> tf.Tensor:
    """[B, H, W, C] uint8 to its 8 x 8 average, flat, in [-1, 1]."""
    scaled = tf.cast(pixels, tf.float32) / 127.5 - 1.0
    small = tf.image.resize(scaled, [_PIXEL_GRID, _PIXEL_GRID], method="area")
    return tf.reshape(small, [pixels.shape[0], -1])


def classifier_of(
    config: Config, read: Reader, table: RecordTable, folder: pathlib.Path
) -> Classifier:
    """The small classifier of a data set, trained where none is kept.

    Raises:
      InputError: there are no two classes, or an image does not decode.
    """
    classes = config.data.num_classes or int(table.labels.max()) + 1
    if labels.has_unlabelled(table) or classes < 2:
        raise InputError(
            f"A classifier needs images of two classes or more, all labelled, and "
            f"{table.source} has none: give --embedder=pixels, or --embedder=inception "
            "with --inception_weights; to score, --feature_space=inception."
        )
    seed = cache_seed(config)
    # Folders list images class by class, more than a buffer could mix again.
    mixed = np.random.default_rng(seed).permutation(table.num_images)
    channels = config.data.image_channels or 3
    try:
        return load_or_train_classifier(
            folder,
            images.decoded_images(read, table, config.data.resolution, channels, mixed),
            count=table.num_images,
            resolution=config.data.resolution,
            channels=channels,
            num_classes=classes,
            identity_hash=table.identity_hash,
            seed=seed,
        )
    except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
        # The input graph knows no path: look for the one that does not decode.
        refuse_unreadable(read, table, np.arange(table.num_images), channels)
        raise
