"""The cells of a selection: nearest points, covering radius, coverage weights."""

import tensorflow as tf

from tf_smallgan.coreset import greedy as greedy_lib
from tf_smallgan.coreset.geometry import (
    FEW_DIMENSIONS,
    TRUSTED_SHARE,
    centre,
    check_indices,
    check_points,
    squared_norms,
)
from tf_smallgan.coreset.greedy import BLOCK, distances_from
from tf_smallgan.coreset.others import uniform


def nearest_chosen(
    points: tf.Tensor, indices: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds each point's nearest chosen point.

    The nearest is found by products where the covering radius is large against
    their rounding, else by sums of squared differences: see `greedy_k_center`. The
    distances returned are always such sums. Memory is that of the points and 64 N
    numbers, never N x k.

    Args:
        points: [N, D] of a static shape, any real dtype.
        indices: [k], which points were chosen.

    Returns:
        [N] int32, positions in `indices`, ties to the lowest; [N] float32, the
        squared distances.

    Raises:
        InputError: for wrong ranks or more indices than points.
    """
    # A choice has no gradient, and the products of XLA in it none that is known.
    points = tf.stop_gradient(check_points(points, 1))
    return _compiled(points, check_indices(points, indices))


@tf.function(jit_compile=True, autograph=False)
def _compiled(points: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    x = centre(points)
    positions = cells(x, squared_norms(x), indices)
    chosen = tf.gather(x, tf.gather(indices, positions))
    return positions, squared_norms(x - chosen)


def cells(x: tf.Tensor, norms: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """The positions of `nearest_chosen`, for centred points in an XLA cluster."""
    k = indices.shape[0]
    nearest = tf.fill(norms.shape, float("inf"))
    positions = tf.zeros(norms.shape, tf.int32)
    start = tf.constant(0)
    if x.shape[1] > FEW_DIMENSIONS:
        positions, nearest = _by_blocks(x, norms, indices, positions, nearest)
        trusted = tf.reduce_max(nearest) >= TRUSTED_SHARE * tf.reduce_max(norms)
        start = tf.where(trusted, k, 0)
        nearest = tf.where(trusted, nearest, float("inf"))
    return _by_differences(x, indices, start, positions, nearest)[0]


@tf.function(jit_compile=True, autograph=False)
def nearest_of_its_label(
    points: tf.Tensor, labels: tf.Tensor, indices: tf.Tensor, num_labels: int
) -> tf.Tensor:
    """Finds each point's nearest chosen point among those of its own label.

    By products, about each label's mean, so that what rounds is as small as a label is
    wide: between choices that are equally far but for rounding, either may be taken.

    Args:
        points: [N, D] of a static shape.
        labels: [N] int32, below `num_labels`.
        indices: [k] int32, which points were chosen.
        num_labels: how many labels there are.

    Returns:
        [N] int32, positions in `indices`; k where no point of the label was chosen.
    """
    x = centre(tf.stop_gradient(points))
    n, k = x.shape[0], indices.shape[0]
    means = tf.math.unsorted_segment_mean(x, labels, num_labels)
    x = x - tf.gather(means, labels)
    state = (tf.fill([n], k), tf.fill([n], float("inf")))
    return _by_blocks(x, squared_norms(x), indices, *state, labels)[0]


def _by_differences(
    x: tf.Tensor,
    indices: tf.Tensor,
    start: tf.Tensor,
    positions: tf.Tensor,
    nearest: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    distances_to = greedy_lib.by_differences(x)

    def step(
        c: tf.Tensor, positions: tf.Tensor, nearest: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        distances = distances_to(tf.gather(indices, c))
        positions = tf.where(distances < nearest, c, positions)
        return c + 1, positions, tf.minimum(nearest, distances)

    state = (start, positions, nearest)
    k = indices.shape[0]
    _, positions, nearest = tf.while_loop(lambda c, *_: c < k, step, state)
    return positions, nearest


def _by_blocks(
    x: tf.Tensor,
    norms: tf.Tensor,
    indices: tf.Tensor,
    positions: tf.Tensor,
    nearest: tf.Tensor,
    labels: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """With labels [N], only a chosen point of a point's own label counts."""
    k = indices.shape[0]
    width = min(k, BLOCK)

    def step(
        c: tf.Tensor, positions: tf.Tensor, nearest: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        block = tf.minimum(c + tf.range(width), k - 1)  # The last one is repeated.
        chosen = tf.gather(indices, block)
        distances = distances_from(x, norms, chosen)
        if labels is not None:
            own = tf.gather(labels, chosen)[:, tf.newaxis] == labels
            distances = tf.where(own, distances, float("inf"))
        least = tf.reduce_min(distances, axis=0)
        candidates = tf.where(distances == least, block[:, tf.newaxis], k)
        lowest = tf.reduce_min(candidates, axis=0)
        positions = tf.where(least < nearest, lowest, positions)
        return c + width, positions, tf.minimum(nearest, least)

    state = (tf.constant(0), positions, nearest)
    _, positions, nearest = tf.while_loop(lambda c, *_: c < k, step, state)
    return positions, nearest


def covering_radius(points: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """The largest distance of any point to its nearest chosen point.

    Args:
        points: [N, D] of a static shape.
        indices: [k], which points were chosen.

    Returns:
        A scalar float32, in the points' units.
    """
    _, squared = nearest_chosen(points, indices)
    return tf.sqrt(tf.reduce_max(squared))


def radius_report(
    points: tf.Tensor, indices: tf.Tensor, seed: tf.Tensor
) -> dict[str, tf.Tensor]:
    """The covering radius against that of a uniform subset of the same size.

    Args:
        points: [N, D] of a static shape.
        indices: [k], which points were chosen.
        seed: [2] integers, draws the uniform subset.

    Returns:
        Scalars by the names to log them under: `radius`, `radius_uniform` and
        `radius_ratio`, the first over the second, below 1 where selection covers
        better (0 where both radii are 0).
    """
    indices = tf.convert_to_tensor(indices)
    radius = covering_radius(points, indices)
    reference = covering_radius(points, uniform(points, indices.shape[0], seed))
    return {
        "radius": radius,
        "radius_uniform": reference,
        "radius_ratio": tf.math.divide_no_nan(radius, reference),
    }


def coverage_weights(points: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Each chosen point's share of the large batch, times k.

        w_c = k / N * #{i : c is the chosen point nearest to x_i}

    Greedy selection favours outliers, so a plain mean over the chosen points is
    not that of the large batch. Weighted so, each chosen point stands for its
    cell, and the mean of w_c f(x_c) estimates the mean of f over the large batch:
    closely in the plane, in part where there are many dimensions (docs/coresets.md).

    Args:
        points: [N, D] of a static shape.
        indices: [k], which points were chosen.

    Returns:
        [k] float32 with mean 1. Ties go to the lowest position, so the second of
        two coinciding chosen points weighs 0.

    Raises:
        InputError: for wrong ranks or more indices than points.
    """
    positions, _ = nearest_chosen(points, indices)
    n, k = positions.shape[0], tf.convert_to_tensor(indices).shape[0]
    counts = tf.math.unsorted_segment_sum(tf.ones([n]), positions, k)
    return counts * (k / n)
