"""Training batches: select a core-set of a large batch, decode only what was selected.

Everything is a function of the step, so training that resumes at step s reads exactly
the elements from s on. Images lie in an endless stream without state,

    epoch(p) = p // N,    record(p) = permutation_epoch(p mod N),

where the permutation is a cipher on the numbers below N, keyed by seed and epoch: every
position costs the same to look up, and every image occurs once per epoch. With O the
size of the large batch, draw d = step * n_D + micro takes positions [d O, (d + 1) O).
Large batches may straddle the end of an epoch.

The scopes (see `coreset.scope`):
  replica: replica r selects b of O / R consecutive positions of its own. The selection
    depends on R.
  global: every worker makes one selection of B out of O, and replica r decodes
    selected[r::R]. Any R trains on the same images.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_smallgan import coreset, randomness
from tf_smallgan.data import images
from tf_smallgan.data.labels import has_unlabelled
from tf_smallgan.data.records import (
    PARALLEL_CALLS,
    Reader,
    RecordTable,
    input_options,
)
from tf_smallgan.data.selection import choose
from tf_smallgan.errors import InputError
from tf_smallgan.randomness import Purpose

# With up to 65,536 images, a shuffle reads only the low 8 bits of each word of its key,
# and one word of a folded seed is the epoch itself: orders would repeat every 256
# epochs. Hence keys are random numbers, and four shuffles are composed.
_SHUFFLES = 4


@dataclasses.dataclass(frozen=True)
class BatchPlan:
    """How batches are drawn.

    Attributes:
      seed: the run's seed.
      batch_size: B, the global batch size.
      num_replicas: R.
      discriminator_steps: n_D, draws per step.
      oversample: O / B; 1 disables the core-set.
      method: a key of `coreset.METHODS`.
      scope: `replica` or `global`.
      weights: weight selected images by their share of the large batch.
      per_class_balance: select from each class in proportion to its share of the
        large batch; applies only to the method `k_center`.
      resolution: H and W.
      channels: C, 1 or 3.
      random_flip: mirror each image with probability 1/2.
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
        """Checks that batches can be drawn from a data set.

        Args:
          num_images: N.
          labelled: whether all images have a label.

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
                "--coreset_class_balance needs a label for every image, and some have "
                "none; remove the flag."
            )


def training_dataset(
    read: Reader,
    table: RecordTable,
    embeddings: np.ndarray | None,
    plan: BatchPlan,
    start_step: int,
    replicas: Sequence[int],
) -> tf.data.Dataset:
    """An endless data set whose elements are one replica's batches of one step.

    Args:
      read: the source's reader.
      table: N records.
      embeddings: [N, E] in the table's order; may be None without a core-set.
      plan: how to draw.
      start_step: the first step.
      replicas: global numbers of this worker's replicas.

    Returns:
      Elements for each of `replicas` in turn, step after step, of static shapes:
        image: [n_D, b, H, W, C] float32 in [-1, 1].
        label: [n_D, b] int32, 0 where unlabelled.
        weight: [n_D, b] float32 with mean 1 over the selection, 1 without weights.
        index: [n_D, b] int64 record numbers.

    Raises:
      InputError: the plan does not fit the data.
    """
    plan.check(table.num_images, not has_unlabelled(table))
    if plan.oversample > 1 and embeddings is None:
        raise ValueError("a core-set of the data needs embeddings; got None")
    draws = _Draws(plan, table, embeddings, tuple(replicas))
    dataset = tf.data.Dataset.counter(start=start_step)
    dataset = dataset.map(draws.step, num_parallel_calls=PARALLEL_CALLS).unbatch()

    @tf.autograph.experimental.do_not_convert
    def load(selected: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        image = images.decode_and_fit(
            read(selected["index"]), plan.resolution, plan.channels
        )
        if plan.random_flip:
            image = images.mirror_where(selected["flip"], image)
        kept = {key: selected[key] for key in ("label", "weight", "index")}
        return {"image": images.to_float(image), **kept}

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
    draws = _Draws(plan, table, embeddings, tuple(replicas))
    return draws.step(tf.constant(step, tf.int64))["index"].numpy()


def large_batch_radius(
    plan: BatchPlan, table: RecordTable, embeddings: np.ndarray, step: int
) -> dict[str, tf.Tensor]:
    """How well replica 0's core-set of a step's first draw covers its large batch.

    Args:
      plan: how batches are drawn.
      table: N records.
      embeddings: [N, E].
      step: the training step.

    Returns:
      The scalars of `coreset.radius_report`.
    """
    draw = tf.constant(step * plan.discriminator_steps, tf.int64)
    size, replica = coreset.selection_of(
        plan.scope, plan.replica_batch_size, 0, plan.num_replicas
    )
    records = _large_batch(plan, table.num_images, draw).numpy()
    records = records[: size * plan.oversample]
    points = tf.constant(embeddings[records])
    seed = _selection_seed(plan, draw, *replica)
    classes = tf.constant(np.maximum(table.labels[records], 0), tf.int32)
    selected, _ = _select(plan, points, classes, _num_classes(table), size, seed)
    return coreset.radius_report(points, selected, randomness.fold_in(seed, 1))


class _Draws:
    """Selects the records of a step, in graph.

    Args:
      plan: how to draw.
      table: N records.
      embeddings: [N, E], or None without a core-set.
      replicas: global numbers of this worker's replicas.
    """

    def __init__(
        self,
        plan: BatchPlan,
        table: RecordTable,
        embeddings: np.ndarray | None,
        replicas: tuple[int, ...],
    ):
        self._plan, self._replicas = plan, replicas
        self._num_images, self._num_classes = table.num_images, _num_classes(table)
        with tf.device("CPU:0"):
            self._labels = tf.constant(np.maximum(table.labels, 0), tf.int32)
            self._points = None if embeddings is None else tf.constant(embeddings)

    # Only tensor operations below: AutoGraph's conversion would only cost time.
    @tf.autograph.experimental.do_not_convert
    def step(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
        """All records of this worker in one step, [r * n_D * b] in order."""
        micros = range(self._plan.discriminator_steps)
        draws = [self._draw(step * len(micros) + micro) for micro in micros]
        ordered = [draw[r] for r in range(len(self._replicas)) for draw in draws]
        return {key: tf.concat([x[key] for x in ordered], 0) for key in ordered[0]}

    def _draw(self, draw: tf.Tensor) -> list[dict[str, tf.Tensor]]:
        """One draw's selection for each of this worker's replicas."""
        plan = self._plan
        records = _large_batch(plan, self._num_images, draw)
        seed = randomness.stream(plan.seed, Purpose.FLIPS, draw)
        flips = randomness.uniform([plan.batch_size], seed) < 0.5

        def select(size: int, *replica: int) -> tuple[tf.Tensor, ...]:
            first = sum(replica) * size
            large = records[first * plan.oversample :][: size * plan.oversample]
            index, weight = self._select(large, size, (draw, *replica))
            return index, weight, flips[first : first + size]

        shares = coreset.select_in_scope(
            plan.scope,
            select,
            plan.replica_batch_size,
            self._replicas,
            plan.num_replicas,
        )
        return [
            {
                "index": index,
                "label": tf.gather(self._labels, index),
                "weight": weight,
                "flip": flip,
            }
            for index, weight, flip in shares
        ]

    def _select(
        self, records: tf.Tensor, size: int, counters: tuple[int | tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """`size` of the large batch `records`, and their weights."""
        if self._plan.oversample == 1:
            return records, tf.ones([size])
        selected, weights = _select(
            self._plan,
            tf.gather(self._points, records),
            tf.gather(self._labels, records),
            self._num_classes,
            size,
            _selection_seed(self._plan, *counters),
        )
        return tf.gather(records, selected), weights


def _select(
    plan: BatchPlan,
    points: tf.Tensor,
    labels: tf.Tensor,
    num_classes: int,
    size: int,
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Positions [size] in a large batch of points [O, E], and weights [size]."""
    return choose(
        plan.method,
        points,
        size,
        seed,
        with_weights=plan.weights,
        labels=labels if plan.per_class_balance else None,
        num_classes=num_classes,
    )


def _selection_seed(plan: BatchPlan, *counters: int | tf.Tensor) -> tf.Tensor:
    return randomness.stream(plan.seed, Purpose.IMAGE_SELECTION, *counters)


def _num_classes(table: RecordTable) -> int:
    return int(table.labels.max(initial=0)) + 1


def _large_batch(plan: BatchPlan, num_images: int, draw: tf.Tensor) -> tf.Tensor:
    """Record numbers [O] of a draw."""
    large = plan.large_batch_size
    positions = draw * large + tf.range(large, dtype=tf.int64)
    return records_at(positions, num_images, plan.seed)


def records_at(
    positions: tf.Tensor, num_images: int, seed: int | tf.Tensor
) -> tf.Tensor:
    """Record numbers at consecutive positions of the stream.

    Args:
      positions: [P] int64, consecutive, P at most `num_images`.
      num_images: N.
      seed: the run's seed, an integer or scalar tensor.

    Returns:
      [P] int64.
    """
    epoch = positions // num_images
    within, first = positions % num_images, epoch[0]
    this, following = (
        _shuffled(
            within,
            num_images,
            randomness.stream(seed, Purpose.IMAGE_ORDER, first + later),
        )
        for later in (0, 1)
    )
    return tf.where(epoch == first, this, following)


def _shuffled(numbers: tf.Tensor, count: int, seed: tf.Tensor) -> tf.Tensor:
    """Numbers below `count` under a permutation that is a function of the seed."""
    keys = randomness.random_bits([_SHUFFLES, 2], seed, tf.int32)
    for key in tf.unstack(keys):
        numbers = tf.random.experimental.index_shuffle(
            numbers, seed=key, max_index=tf.constant(count - 1, tf.int64)
        )
    return numbers
