"""Gradient accumulation: an update over a batch in parts, one after another.

Losses are sums over examples divided by the global batch, so the sum of the parts'
gradients is the gradient of the whole. Memory is that of one part. Batch norm takes
its statistics over a part, and moves its averages once a part: smaller batches there
are the price. Spectral norm iterates once an update (models/spectral_norm.py).
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tensorflow as tf

from tf_smallgan.coreset.scope import shard

Batch = TypeVar("Batch")
Gradients = list[tf.Tensor]
Metrics = dict[str, tf.Tensor]


def cut(batch: Batch, parts: int) -> list[Batch]:
    """Deals a dataclass of tensors [B, ...] (or None) into `parts` of B / parts.

    Dealt like cards: a core-set lies in the order of its picks, from remote to central
    or place by place, and batch norm would see another distribution in each part.
    """
    if parts == 1:
        return [batch]
    values = {f.name: getattr(batch, f.name) for f in dataclasses.fields(batch)}  # type: ignore[arg-type]
    return [
        dataclasses.replace(  # type: ignore[type-var]
            batch,
            **{
                name: None if value is None else shard(value, i, parts)
                for name, value in values.items()
            },
        )
        for i in range(parts)
    ]


def accumulate(
    parts: Sequence[Any], one: Callable[..., tuple[Gradients, Metrics]]
) -> tuple[Gradients, Metrics]:
    """Sums gradients and metrics over the parts of a batch.

    Args:
      parts: what `one` is called with, a tuple of dataclasses of tensors each.
      one: gives the gradients and metrics of a part.

    Returns:
      Their sums.
    """
    gradients, metrics = one(*parts[0])
    for part in parts[1:]:
        # Nothing of a part starts before the last one's gradients are there; without
        # this the executor runs parts side by side and needs the memory of all.
        with tf.control_dependencies(gradients):
            late = [_copy(batch) for batch in part]
        more, more_metrics = one(*late)
        gradients = [
            tf.convert_to_tensor(a) + tf.convert_to_tensor(b)
            for a, b in zip(gradients, more)
        ]
        metrics = {name: metrics[name] + more_metrics[name] for name in metrics}
    return gradients, metrics


def _copy(batch: Batch) -> Batch:
    """A dataclass of other tensors of the same values."""
    values = {
        name: None if value is None else tf.identity(value)
        for name, value in vars(batch).items()
    }
    return dataclasses.replace(batch, **values)  # type: ignore[type-var]
