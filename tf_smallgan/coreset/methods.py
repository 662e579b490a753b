"""The registry of selection methods, by the names of --coreset_method."""

from collections.abc import Callable

import tensorflow as tf

from tf_smallgan.coreset.balanced import balanced
from tf_smallgan.coreset.greedy import greedy_k_center
from tf_smallgan.coreset.nearest import coverage_weights
from tf_smallgan.coreset.others import d_squared, robust, uniform
from tf_smallgan.coreset.stratified import stratified, stratified_with_sizes
from tf_smallgan.errors import InputError

# (points [N, D], k, seed [2] or None) -> indices [k] int32, none twice.
Method = Callable[[tf.Tensor, int, tf.Tensor | None], tf.Tensor]


def k_center(points: tf.Tensor, k: int, seed: tf.Tensor | None = None) -> tf.Tensor:
    """`greedy_k_center` from point 0, with the signature of a method."""
    del seed
    return greedy_k_center(points, k)


METHODS: dict[str, Method] = {
    "k_center": k_center,
    "stratified": stratified,
    "balanced": balanced,
    "d_squared": d_squared,
    "robust": robust,
    "uniform": uniform,
}


def check_method(method: str) -> None:
    """Raises InputError unless `method` is registered."""
    if method not in METHODS:
        raise InputError(
            f"there is no core-set method {method!r}: use one of {', '.join(METHODS)}."
        )


def select(
    method: str, points: tf.Tensor, k: int, seed: tf.Tensor | None = None
) -> tf.Tensor:
    """Selects k of the points by a method's name.

    Args:
        method: a key of METHODS.
        points: [N, D] of a static shape, any real dtype.
        k: how many to select, from 1 to N.
        seed: [2] integers; `k_center` and `robust` do without.

    Returns:
        [k] int32, none twice.

    Raises:
        InputError: for an unknown method and as the method does.
    """
    check_method(method)
    return METHODS[method](points, k, seed)


# Every point is chosen with the same probability, so that plain means estimate.
UNBIASED = ("balanced", "uniform")


def weighted_select(
    method: str, points: tf.Tensor, k: int, seed: tf.Tensor | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """`select`, with weights by which the selection estimates the large batch.

    A chosen point weighs k / N times the points that it stands for: of `stratified`
    those of the cell that it was drawn from, which makes the weighted mean unbiased;
    of `balanced` and `uniform` N / k, so 1; of the others those that it is the
    nearest to (`coverage_weights`), which mends their bias in part.

    Returns:
        [k] int32 and [k] float32 with mean 1.

    Raises:
        InputError: as `select` does.
    """
    check_method(method)
    points = tf.convert_to_tensor(points)
    if method == "stratified":
        indices, sizes = stratified_with_sizes(points, k, seed)
        return indices, tf.cast(sizes, tf.float32) * (k / points.shape[0])
    indices = select(method, points, k, seed)
    if method in UNBIASED:
        return indices, tf.ones([k])
    return indices, coverage_weights(points, indices)
