"""The large batch a replica selects from: its own, or one shared by all replicas.

`replica`: each of the R replicas selects k points from a large batch of its own, of
N / R points. Two replicas may select similar points, so together they cover less well
than one selection would.

`global`: each replica draws the same large batch of N points from the same stateless
seed, makes the same selection of k R points and keeps `indices[replica::R]`. Together
the replicas hold exactly what one device would select, without communication, at R
times the cost of the selection on each. This requires that all replicas compute
identical selections: devices of one kind that run one program.

The selection is dealt in turn because its order has a meaning (k-center picks remote
points first): each replica gets its share of early and late picks.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from tf_smallgan.errors import InputError

SCOPES = ("replica", "global")

# (size, *counters) -> tensors with a first axis of `size`: selects that many points
# from a large batch. The counters distinguish the large batches.
Select = Callable[..., tuple[tf.Tensor, ...]]


def select_in_scope(
    scope: str,
    select: Select,
    k: int,
    replicas: Sequence[int | tf.Tensor],
    num_replicas: int,
) -> list[tuple[tf.Tensor, ...]]:
    """What each of `replicas` selects.

    Args:
        scope: `replica` or `global`.
        select: makes the selections of `selection_of`.
        k: how many points each replica keeps.
        replicas: the replicas to select for, numbered from 0; in `strategy.run` the
            context's `replica_id_in_sync_group`.
        num_replicas: R.

    Returns:
        For each of `replicas`, the tensors of `select` with a first axis of k.

    Raises:
        InputError: `scope` is unknown.
    """
    if scope == "global":
        size, counters = selection_of(scope, k, 0, num_replicas)
        whole = select(size, *counters)
        return [
            tuple(shard(rows, replica, num_replicas) for rows in whole)
            for replica in replicas
        ]
    own = [selection_of(scope, k, replica, num_replicas) for replica in replicas]
    return [select(size, *counters) for size, counters in own]


def selection_of(
    scope: str, k: int, replica: int | tf.Tensor, num_replicas: int
) -> tuple[int, tuple[int | tf.Tensor, ...]]:
    """The selection that a replica takes part in.

    Returns:
        Its size, k or k R, and the counters that its random numbers depend on: the
        replica's number, or none where all replicas make the same selection.

    Raises:
        InputError: `scope` is unknown.
    """
    check_scope(scope)
    return (k * num_replicas, ()) if scope == "global" else (k, (replica,))


def check_scope(scope: str) -> None:
    """Raises InputError unless `scope` is one of SCOPES."""
    if scope not in SCOPES:
        raise InputError(
            f"core-set scope {scope!r} is unknown: use one of {', '.join(SCOPES)}."
        )


def shard(rows: tf.Tensor, replica: int | tf.Tensor, num_replicas: int) -> tf.Tensor:
    """A replica's share `rows[replica::num_replicas]`, of static size.

    Args:
        rows: [k * num_replicas, ...].
        replica: which share, from 0.
        num_replicas: how many shares.

    Returns:
        [k, ...].

    Raises:
        InputError: the first axis is not a multiple of `num_replicas`.
    """
    rows = tf.convert_to_tensor(rows)
    total = rows.shape[0]
    if num_replicas < 1 or total % num_replicas:
        raise InputError(
            f"{total} selected points do not divide over {num_replicas} replicas: "
            f"use a batch size that is a multiple of {num_replicas}."
        )
    shape = [total // num_replicas, num_replicas, *rows.shape[1:]]
    return tf.gather(tf.reshape(rows, shape), replica, axis=1)
