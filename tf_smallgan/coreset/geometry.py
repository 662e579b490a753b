"""Points, their distances and the checks at the package's door."""

import numbers

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

from tf_smallgan.errors import InputError

# Up to this many dimensions a sum of squared differences is as fast as a product.
FEW_DIMENSIONS = 8

# The product form |x|^2 - 2 x.c + |c|^2 errs by a few float32 roundings of |x|^2.
# It is trusted while squared distances are at least this share of the largest
# |x|^2: a dozen bits then remain between the error and the distance.
TRUSTED_SHARE = 1 / 32

_EXPONENT_BITS = 0x7F800000
_WIDE_DTYPES = (tf.float64, tf.int32, tf.int64, tf.uint32, tf.uint64)


def check_points(points: tf.Tensor, k: int) -> tf.Tensor:
    """Checks what is known before running: rank, static shape and k.

    Args:
        points: [N, D], any real dtype.
        k: how many points are to be selected.

    Returns:
        The points as a tensor.

    Raises:
        InputError: where the rank is not 2, N or D is unknown or 0, or k is no
            integer from 1 to N.
    """
    points = tf.convert_to_tensor(points)
    if points.shape.rank != 2:
        raise InputError(
            f"points must be a matrix [N, D], not of shape {points.shape}: "
            "flatten each point to one row."
        )
    if None in points.shape.as_list():
        raise InputError(
            f"points must have a static shape, not {points.shape}: batch with "
            "drop_remainder=True, or use tf.ensure_shape."
        )
    if 0 in points.shape.as_list():
        raise InputError(f"points of shape {points.shape} are empty: give at least 1.")
    if points.dtype.is_complex or not (points.dtype.is_floating or _is_integer(points)):
        raise InputError(
            f"points must be real numbers, not {points.dtype.name}: cast them."
        )
    check_count(k, points.shape[0])
    return points


def _is_integer(points: tf.Tensor) -> bool:
    return points.dtype.is_integer and not points.dtype.is_quantized


def check_count(k: int, n: int) -> None:
    """Raises InputError unless k is an integer from 1 to n."""
    if isinstance(k, bool) or not isinstance(k, numbers.Integral):
        raise InputError(
            f"k must be a Python integer, not {k!r}: it sets the output's shape."
        )
    if not 1 <= k <= n:
        raise InputError(
            f"k is {k}, but only 1 to {n} of {n} points can be selected: change k "
            "or draw a larger batch."
        )


def check_indices(points: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Checks rank, static size and dtype of `indices [k]` into `points [N, D]`."""
    indices = tf.convert_to_tensor(indices)
    if indices.shape.rank != 1 or indices.shape[0] is None:
        raise InputError(
            f"indices must be a vector of static size, not of shape {indices.shape}."
        )
    if not indices.dtype.is_integer:
        raise InputError(f"indices must be integers, not {indices.dtype.name}.")
    check_count(indices.shape[0], points.shape[0])
    return tf.cast(indices, tf.int32)


def centre(points: tf.Tensor) -> tf.Tensor:
    """Moves points [N, D] near their mean and casts to float32.

    A large common offset would drown squared distances in rounding. The shift is
    each coordinate's mean, rounded to a power of two of about an eighth of the
    spread: points on a grid, such as integers, stay exact, and so ties stay ties.
    The subtraction precedes the cast for dtypes wider than float32.
    """
    wide = tf.float64 if points.dtype in _WIDE_DTYPES else tf.float32
    x = tf.cast(points, wide)
    mean = tf.reduce_mean(x, axis=0)
    spread = tf.reduce_max(tf.reduce_max(x, axis=0) - tf.reduce_min(x, axis=0))
    step = tf.cast(_power_of_two_below(tf.cast(spread, tf.float32)) / 8, wide)
    rounded = tf.round(tf.math.divide_no_nan(mean, step)) * step
    return tf.cast(x - tf.where(step > 0, rounded, mean), tf.float32)


def _power_of_two_below(value: tf.Tensor) -> tf.Tensor:
    """The largest power of two up to a positive float32, by its bits; 0 for 0."""
    bits = tf.bitwise.bitwise_and(tf.bitcast(value, tf.int32), _EXPONENT_BITS)
    return tf.bitcast(bits, tf.float32)


def row_products(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Products of rows, [N, D] and [M, D] -> [N, M], or [N, D] and [D] -> [N].

    In full float32: plain matmuls round their factors to TF32 on recent GPUs and
    to bfloat16 on TPUs, which is too coarse for distances. Only for use inside an
    XLA cluster, where the precision can be asked for.
    """
    dimensions = xla.xla_data_pb2.DotDimensionNumbers(
        lhs_contracting_dimensions=[1],
        rhs_contracting_dimensions=[b.shape.rank - 1],
    )
    highest = xla.xla_data_pb2.PrecisionConfig.HIGHEST
    precision = xla.xla_data_pb2.PrecisionConfig(operand_precision=[highest] * 2)
    product = xla.dot_general(a, b, dimensions, precision, tf.float32)
    return tf.ensure_shape(product, [a.shape[0], *b.shape[:-1]])


def squared_norms(x: tf.Tensor) -> tf.Tensor:
    """|x|^2 of each row: [N, D] -> [N].

    As a product with ones: XLA compiles row sums on CPU slowly, and to slow code.
    """
    return row_products(tf.square(x), tf.ones([x.shape[1]]))


def first_bad_row(norms: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """The lowest row that keeps a selection from being made, or -1.

    Args:
        norms: [N], |x|^2 of the centred points.
        points: [N, D] as they were given. A bad one spoils the mean and with it every
            centred row; its own norm tells which it was.
    """
    own = squared_norms(tf.cast(points, tf.float32))
    lowest, own_lowest = _lowest_infinite(norms), _lowest_infinite(own)
    return tf.where((lowest >= 0) & (own_lowest >= 0), own_lowest, lowest)


def _lowest_infinite(norms: tf.Tensor) -> tf.Tensor:
    """The lowest row of norms [N] that is NaN or infinite, or -1."""
    n = norms.shape[0]
    bad = tf.where(tf.math.is_finite(norms), n, tf.range(n))
    lowest = tf.reduce_min(bad)
    return tf.where(lowest == n, -1, lowest)


def require_finite(
    result: tf.Tensor, bad_row: tf.Tensor, points: tf.Tensor
) -> tf.Tensor:
    """Returns `result`, or fails where `bad_row` names a row that is not finite.

    Stands outside the compiled part. Eagerly it raises InputError; in a graph it
    is an assertion (tf.errors.InvalidArgumentError), which XLA drops where the
    caller's whole graph is compiled: check the data where they enter then.
    """
    reason = (
        "is NaN, infinite or too large to square in float32: clean or rescale the "
        "points before selecting"
    )
    if tf.executing_eagerly():
        row = int(bad_row)
        if row >= 0:
            raise InputError(f"points row {row} {reason}. It is {points[row]}.")
        return result
    values = tf.gather(points, tf.maximum(bad_row, 0))
    message = ["points row", bad_row, reason, values]
    with tf.control_dependencies([tf.debugging.Assert(bad_row < 0, message)]):
        return tf.identity(result)
