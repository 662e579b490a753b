"""Checks inside the graph: a bad request fails with a sentence, not an image.

Each returns the tensor it checked, tied to the check, so that nothing computed from
it can be seen before the check has passed. A failing check is TensorFlow's
`InvalidArgument` (HTTP 400); it fails the whole batch.
"""

import tensorflow as tf

_SHOWN = 8


def _tied(
    value: tf.Tensor, passes: tf.Tensor, sentence: str, shown: tf.Tensor
) -> tf.Tensor:
    check = tf.raw_ops.Assert(
        condition=passes, data=[sentence, shown], summarize=_SHOWN
    )
    with tf.control_dependencies([check]):
        return tf.identity(value)


def _opaque(value: tf.Tensor) -> tf.Tensor:
    """The same tensor without a static shape.

    Servers feed whatever was sent, but the optimizer believes a placeholder's shape
    and would drop a check of it.
    """
    return tf.raw_ops.PlaceholderWithDefault(input=value, shape=tf.TensorShape(None))


def checked_rows(name: str, value: tf.Tensor, size: int) -> tf.Tensor:
    """Finite rows [B, size], at least one, with that static shape."""
    value = _opaque(value)
    shape = tf.shape(value)
    first, second = tf.unstack(tf.concat([shape, [0, 0]], axis=0)[:2], num=2)
    value = _tied(
        value,
        (tf.rank(value) == 2) & (first > 0) & (second == size),
        f"{name} must have shape [examples, {size}]; the request has shape",
        shape,
    )
    value = tf.reshape(value, [-1, size])
    finite = tf.math.is_finite(value)
    return _tied(
        value,
        tf.reduce_all(finite),
        f"{name} must be finite; the request has",
        tf.boolean_mask(value, ~finite),
    )


def checked_vector(
    name: str, value: tf.Tensor, examples: tf.Tensor | None = None
) -> tf.Tensor:
    """As [B]: one entry an example, at least one; a scalar is one entry.

    Args:
      name: the input's.
      value: of any shape.
      examples: how many are wanted, where that is known.
    """
    value = _opaque(value)
    size = tf.size(value)
    wanted = size if examples is None else examples
    value = _tied(
        value,
        (size > 0) & (size == wanted),
        f"{name} must have one entry for each example, as many as every other input; "
        "the request has shape",
        tf.shape(value),
    )
    return tf.reshape(value, [-1])


def same_batch(name: str, value: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
    """Rows [B, N] of as many examples as the rest of the request."""
    length = tf.shape(value)[0]
    return _tied(
        value,
        tf.equal(length, examples),
        f"{name} must have as many rows as z; the request has these",
        tf.stack([length, examples]),
    )


def spread_truncation(truncation: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
    """A scalar, [1] or [B] truncation as [B]."""
    flat = tf.reshape(truncation, [-1])
    length = tf.size(flat)
    flat = _tied(
        flat,
        (tf.rank(truncation) <= 1) & ((length == 1) | (length == examples)),
        "truncation must be one number or have shape [examples]; the request has shape",
        tf.shape(truncation),
    )
    return tf.broadcast_to(flat, [examples])


def checked_truncation(truncation: tf.Tensor, most: float) -> tf.Tensor:
    """Truncations [B] in (0, most]; NaN is outside."""
    good = (truncation > 0) & (truncation <= most)
    return _tied(
        truncation,
        tf.reduce_all(good),
        f"truncation must be greater than 0 and at most {most:g}; the request has",
        tf.boolean_mask(truncation, ~good),
    )


def checked_label(label: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Labels [B] that are classes."""
    good = (label >= 0) & (label < num_classes)
    return _tied(
        label,
        tf.reduce_all(good),
        f"label must be a class from 0 to {num_classes - 1}; the request has",
        tf.boolean_mask(label, ~good),
    )
