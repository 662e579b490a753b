"""Whose large batch a replica selects from: its own, or all replicas' together.

`replica`: every replica draws a large batch of its own, N / R points, and selects k
from it. Nothing is shared. Guaranteed: each replica's selection is the method's on
its own large batch. Not guaranteed: that two replicas' selections differ from each
other, so together they cover less well than one selection would.

`global`: every replica draws the same large batch of N points from the same
stateless seed, makes the same selection of k R, and keeps every R-th of it.
Guaranteed: the replicas' slices together are exactly what one device would select
from the large batch, without communication, at the cost of R times the selection's
work on each. This holds as long as every replica computes the same, that is on
devices of one kind running one program.

Slices are dealt like cards, `indices[replica::R]`: picks are ordered from remote to
central, and so every slice has its share of each. In order, they are the selection.
"""

from collections.abc import Callable

import tensorflow as tf

from tf_smallgan.coreset.methods import select
from tf_smallgan.coreset.randomness import check_seed, fold_in
from tf_smallgan.errors import InputError

SCOPES = ("replica", "global")


def check_scope(scope: str) -> None:
    """Raises InputError unless `scope` is one of SCOPES."""
    if scope not in SCOPES:
        raise InputError(
            f"there is no core-set scope {scope!r}: use one of {', '.join(SCOPES)}."
        )


def scoped_seed(scope: str, seed: tf.Tensor, replica_id: int | tf.Tensor) -> tf.Tensor:
    """The seed [2] a replica draws with: its own, or under `global` everyone's."""
    check_scope(scope)
    seed = check_seed(seed, "scoped")
    return seed if scope == "global" else fold_in(seed, replica_id)


def deal(
    indices: tf.Tensor, replica_id: int | tf.Tensor, num_replicas: int
) -> tf.Tensor:
    """A replica's slice `indices[replica_id::num_replicas]`, of static size.

    Args:
        indices: [k * num_replicas], or any tensor with such a first axis.
        replica_id: which slice, from 0; in `strategy.run` the replica context's
            `replica_id_in_sync_group`.
        num_replicas: how many slices.

    Returns:
        [k] or [k, ...].

    Raises:
        InputError: where the first axis does not divide.
    """
    indices = tf.convert_to_tensor(indices)
    total = indices.shape[0]
    if num_replicas < 1 or total % num_replicas:
        raise InputError(
            f"{total} selected points do not divide over {num_replicas} replicas: "
            "use a batch size that is a multiple of them."
        )
    shape = [total // num_replicas, num_replicas, *indices.shape[1:]]
    return tf.gather(tf.reshape(indices, shape), replica_id, axis=1)


def scoped_select(
    scope: str,
    method: str,
    points: tf.Tensor,
    k: int,
    seed: tf.Tensor,
    replica_id: int | tf.Tensor,
    num_replicas: int,
) -> tf.Tensor:
    """This replica's k indices into `points`.

    Args:
        scope: `replica` or `global`; what each guarantees is said above.
        method: a key of METHODS.
        points: [N, D], the replica's large batch, or under `global` the one that is
            the same on all replicas.
        k: how many each replica keeps.
        seed: [2] integers, the same on all replicas.
        replica_id: this replica, from 0.
        num_replicas: R.

    Returns:
        [k] int32.

    Raises:
        InputError: for an unknown scope and as `select` does.
    """
    own_seed = scoped_seed(scope, seed, replica_id)
    if scope == "replica":
        return select(method, points, k, own_seed)
    indices = select(method, points, k * num_replicas, own_seed)
    return deal(indices, replica_id, num_replicas)


def scoped_draw(
    scope: str,
    method: str,
    draw: Callable[[tf.Tensor, int], tf.Tensor],
    oversample: int,
    k: int,
    seed: tf.Tensor,
    replica_id: int | tf.Tensor,
    num_replicas: int,
) -> tf.Tensor:
    """Draws the large batch that the scope asks for and selects this replica's rows.

    Args:
        scope: `replica` or `global`.
        method: a key of METHODS.
        draw: (seed [2], n) -> points [n, D], stateless.
        oversample: the large batch's size over that of the selection.
        k: how many rows each replica keeps.
        seed: [2] integers, the same on all replicas.
        replica_id: this replica, from 0.
        num_replicas: R.

    Returns:
        [k, D] rows of the large batch, which has `oversample * k` points under
        `replica` and `oversample * k * num_replicas` under `global`.

    Raises:
        InputError: as `scoped_select` does.
    """
    own_seed = scoped_seed(scope, seed, replica_id)
    shares = num_replicas if scope == "global" else 1
    points = draw(fold_in(own_seed, 0), oversample * k * shares)
    selection_seed = fold_in(seed, 1)
    indices = scoped_select(
        scope, method, points, k, selection_seed, replica_id, num_replicas
    )
    return tf.gather(points, indices)
