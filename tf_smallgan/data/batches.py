"""Training batches: a large batch is drawn, a core-set of it is decoded.

Everything follows from the step number. Draw d = step * n_D + micro takes the
positions [d * O, (d + 1) * O) of the endless stream (see `order`), so that
batches straddle the end of an epoch and every image is offered to selection
once an epoch. Starting at step s gives exactly the elements from s on.

What the scopes guarantee:
  replica: replica r chooses b of its own O / R consecutive positions; nothing
    is known of the others' choices, and R changes what is chosen.
  global: one choice of B out of all O, made alike by every worker; replica r
    decodes chosen[r::R]. Any R trains on the same images.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_smallgan import coreset
from tf_smallgan.data import images
from tf_smallgan.data.labels import has_unlabelled
from tf_smallgan.data.pixels import PARALLEL_CALLS, input_options
from tf_smallgan.data.records import Reader, RecordTable
from tf_smallgan.data.selection import choose
from tf_smallgan.errors import InputError

# Which record lies at which position of the endless stream, without a state.
#
#     epoch(p)  = p // N
#     record(p) = permutation_epoch(p mod N)
#
# The permutation is a cipher on the numbers below N, keyed by the seed and the
# epoch, so that any position costs the same to look up, and each record comes
# once an epoch.


# One number for each use of randomness, so that no two share a stream.
ORDER, SELECT, FLIP, QUOTA = 1, 2, 3, 4

# One shuffle reads the low 8 bits of each word of its key where there are up to 65,536
# images, and of a folded seed one word is the epoch itself: orders would come again
# after 256 epochs. Keys are drawn, and four of them applied.
_SHUFFLES = 4


def root_seed(seed: int) -> tf.Tensor:
    """A stateless seed, [2] int32, from the run's seed."""
    return tf.constant([seed & 0x7FFFFFFF, (seed >> 31) & 0x7FFFFFFF], tf.int32)


def fold(seed: tf.Tensor, *values: tf.Tensor | int) -> tf.Tensor:
    """A new seed [2] int32 from `seed` and integers.

    Philox by name: the default algorithm depends on the device.
    """
    for value in values:
        seed = tf.random.experimental.stateless_fold_in(seed, value, alg="philox")
    return seed


def records_at(positions: tf.Tensor, num_images: int, seed: tf.Tensor) -> tf.Tensor:
    """Record numbers at consecutive positions that span at most two epochs.

    Args:
      positions: [P] int64, consecutive and no more than `num_images`.
      num_images: N.
      seed: [2] int32.

    Returns:
      [P] int64.
    """
    epoch = positions // num_images
    within, first = positions % num_images, epoch[0]
    now, then = (
        _shuffled(within, num_images, fold(seed, ORDER, first + later))
        for later in (0, 1)
    )
    return tf.where(epoch == first, now, then)


def _shuffled(numbers: tf.Tensor, count: int, seed: tf.Tensor) -> tf.Tensor:
    """Numbers below `count` under a permutation of them that follows from `seed`."""
    keys = tf.random.stateless_uniform(
        [_SHUFFLES, 2], seed, None, None, tf.int32, alg="philox"
    )
    for key in tf.unstack(keys):
        numbers = tf.random.experimental.index_shuffle(
            numbers, seed=key, max_index=tf.constant(count - 1, tf.int64)
        )
    return numbers


@dataclasses.dataclass(frozen=True)
class BatchPlan:
    """How batches are drawn.

    Attributes:
      seed: the run's seed.
      batch_size: B, the global batch that is trained on.
      num_replicas: R.
      discriminator_steps: n_D, draws a step.
      oversample: O / B; 1 turns the core-set off.
      method: as in `--coreset_method`.
      scope: `replica` or `global`.
      weights: weight chosen images by their share of the large batch.
      per_class_balance: give each class its share of the large batch; only
        with the method `k_center`.
      resolution: H and W.
      channels: C, 1 or 3.
      random_flip: mirror half of the images.
    """

    seed: int
    batch_size: int
    num_replicas: int = 1
    discriminator_steps: int = 1
    oversample: int = 1
    method: str = "k_center"
    scope: str = "replica"
    weights: bool = False
    per_class_balance: bool = False
    resolution: int = 32
    channels: int = 3
    random_flip: bool = False

    @property
    def large_batch_size(self) -> int:
        """O."""
        return self.batch_size * self.oversample

    @property
    def replica_batch_size(self) -> int:
        """b = B / R."""
        return self.batch_size // self.num_replicas

    def check(self, num_images: int, labelled: bool = True) -> None:
        """Refuses a plan that cannot be drawn from `num_images`.

        Args:
          num_images: of the data set.
          labelled: whether all of them have a label.

        Raises:
          InputError: the large batch is larger than the data set, or classes are to
            be balanced and images lack labels.
        """
        if self.large_batch_size > num_images:
            raise InputError(
                f"The large batch of {self.large_batch_size:,} images "
                f"(--batch_size={self.batch_size} times --data_oversample="
                f"{self.oversample}) is larger than the data set of {num_images:,}; "
                "lower one of the two."
            )
        if self.per_class_balance and not labelled:
            raise InputError(
                "--coreset_class_balance gives each class its share, and there are "
                "images without a label; leave it out."
            )


def steps_per_epoch(num_images: int, plan: BatchPlan) -> float:
    """Training steps in which every image is offered to selection once."""
    return num_images / (plan.large_batch_size * plan.discriminator_steps)


def training_dataset(
    read: Reader,
    table: RecordTable,
    embeddings: np.ndarray | None,
    plan: BatchPlan,
    start_step: int,
    replicas: Sequence[int],
) -> tf.data.Dataset:
    """An endless data set of what one replica trains on in one step.

    Args:
      read: the source's reader.
      table: N records.
      embeddings: [N, E] in the table's order; may be None without a core-set.
      plan: how to draw.
      start_step: the first step.
      replicas: global numbers of this worker's replicas.

    Returns:
      Elements for each of `replicas` in turn, step after step, all of static
      shape:
        image: [n_D, b, H, W, C] float32 in [-1, 1].
        label: [n_D, b] int32, 0 where unlabelled.
        weight: [n_D, b] float32 with mean 1 over the choice, 1 without weights.
        index: [n_D, b] int64 record numbers.

    Raises:
      InputError: the plan does not fit the data.
    """
    plan.check(table.num_images, not has_unlabelled(table))
    if plan.oversample > 1 and embeddings is None:
        raise ValueError("a core-set of the data needs embeddings; got None")
    draw = _Draw(plan, table, embeddings, tuple(replicas))
    dataset = tf.data.Dataset.counter(start=start_step)
    dataset = dataset.map(draw.step, num_parallel_calls=PARALLEL_CALLS).unbatch()

    @tf.autograph.experimental.do_not_convert
    def load(chosen: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return _load(chosen, read, plan)

    dataset = dataset.map(load, num_parallel_calls=PARALLEL_CALLS)
    dataset = dataset.batch(plan.replica_batch_size, drop_remainder=True)
    dataset = dataset.batch(plan.discriminator_steps, drop_remainder=True)
    return dataset.prefetch(2).with_options(input_options())


def records_of_step(
    table: RecordTable,
    embeddings: np.ndarray | None,
    plan: BatchPlan,
    step: int,
    replicas: Sequence[int],
) -> np.ndarray:
    """Record numbers [r * n_D * b] that `training_dataset` reads for a step."""
    draw = _Draw(plan, table, embeddings, tuple(replicas))
    return draw.step(tf.constant(step, tf.int64))["index"].numpy()


def _load(
    chosen: dict[str, tf.Tensor], read: Reader, plan: BatchPlan
) -> dict[str, tf.Tensor]:
    """Reads and decodes one chosen record."""
    encoded = read(chosen["index"])
    image = images.decode_and_fit(encoded, plan.resolution, plan.channels)
    if plan.random_flip:
        image = images.mirror_where(chosen["flip"], image)
    kept = {key: chosen[key] for key in ("label", "weight", "index")}
    return {"image": images.to_float(image), **kept}


def large_batch_radius(
    plan: BatchPlan, table: RecordTable, embeddings: np.ndarray, step: int
) -> dict[str, tf.Tensor]:
    """How well the core-set of a step's first draw covers, as replica 0 chooses.

    Args:
      plan: how batches are drawn.
      table: of the N images.
      embeddings: [N, E].
      step: which step.

    Returns:
      `coreset.radius_report`'s scalars.
    """
    draw = tf.constant(step * plan.discriminator_steps, tf.int64)
    positions = draw * plan.large_batch_size + np.arange(plan.large_batch_size)
    seed = root_seed(plan.seed)
    records = records_at(positions, len(embeddings), seed).numpy()
    shared = plan.scope == "global"
    if not shared:
        records = records[: plan.replica_batch_size * plan.oversample]
    points = tf.constant(embeddings[records])
    k = plan.batch_size if shared else plan.replica_batch_size
    key = (draw,) if shared else (draw, 0)
    seed = fold(seed, SELECT, *key)
    labels, num_classes = None, 1
    if plan.per_class_balance:
        labels = tf.constant(np.maximum(table.labels[records], 0), tf.int32)
        num_classes = int(table.labels.max(initial=0)) + 1
    chosen, _ = choose(
        plan.method,
        points,
        k,
        seed,
        with_weights=False,
        labels=labels,
        num_classes=num_classes,
    )
    return coreset.radius_report(points, chosen, fold(seed, 1))


class _Draw:
    """Chooses the records of a step, in graph."""

    def __init__(
        self,
        plan: BatchPlan,
        table: RecordTable,
        embeddings: np.ndarray | None,
        replicas: tuple[int, ...],
    ):
        """Puts embeddings and labels where the input graph can gather them."""
        self._plan, self._replicas = plan, replicas
        self._num_images = table.num_images
        self._num_classes = int(table.labels.max(initial=0)) + 1
        with tf.device("CPU:0"):
            self._labels = tf.constant(np.maximum(table.labels, 0), tf.int32)
            self._points = None if embeddings is None else tf.constant(embeddings)
            self._seed = root_seed(plan.seed)

    # Only tensor operations below: conversion by AutoGraph would only cost time.
    @tf.autograph.experimental.do_not_convert
    def step(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
        """All records of this worker in one step, [r * n_D * b] in order."""
        micros = range(self._plan.discriminator_steps)
        draws = [self._draw(step * len(micros) + micro) for micro in micros]
        ordered = [draw[r] for r in range(len(self._replicas)) for draw in draws]
        return {key: tf.concat([x[key] for x in ordered], 0) for key in ordered[0]}

    def _draw(self, draw: tf.Tensor) -> list[dict[str, tf.Tensor]]:
        """One draw's choice for each of this worker's replicas."""
        large = self._plan.large_batch_size
        positions = draw * large + tf.range(large, dtype=tf.int64)
        records = records_at(positions, self._num_images, self._seed)
        flip = self._flips(draw)
        if self._plan.scope == "global":
            index, weight = self._choose(records, self._plan.batch_size, (draw,))
            parts, every = (index, weight, flip), self._plan.num_replicas
            return [
                self._element(*(coreset.deal(part, r, every) for part in parts))
                for r in self._replicas
            ]
        return [self._replica_draw(records, flip, draw, r) for r in self._replicas]

    def _replica_draw(
        self, records: tf.Tensor, flip: tf.Tensor, draw: tf.Tensor, replica: int
    ) -> dict[str, tf.Tensor]:
        small = self._plan.replica_batch_size
        large = small * self._plan.oversample
        own = records[replica * large : (replica + 1) * large]
        index, weight = self._choose(own, small, (draw, replica))
        return self._element(
            index, weight, flip[replica * small : (replica + 1) * small]
        )

    def _choose(
        self, records: tf.Tensor, k: int, key: tuple[tf.Tensor | int, ...]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """k of the large batch `records` and their weights."""
        if self._plan.oversample == 1:
            return records, tf.ones([k])
        labels = None
        if self._plan.per_class_balance:
            labels = tf.gather(self._labels, records)
        chosen, weight = choose(
            self._plan.method,
            tf.gather(self._points, records),
            k,
            fold(self._seed, SELECT, *key),
            with_weights=self._plan.weights,
            labels=labels,
            num_classes=self._num_classes,
        )
        return tf.gather(records, chosen), weight

    def _flips(self, draw: tf.Tensor) -> tf.Tensor:
        """[B] bool, by position in the global batch."""
        seed = fold(self._seed, FLIP, draw)
        uniform = tf.random.stateless_uniform(
            [self._plan.batch_size], seed, alg="philox"
        )
        return uniform < 0.5

    def _element(
        self, index: tf.Tensor, weight: tf.Tensor, flip: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        label = tf.gather(self._labels, index)
        return {"index": index, "label": label, "weight": weight, "flip": flip}
