"""Selections on several replicas compared with one device, index for index."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import coreset, randomness
from tf_smallgan.errors import InputError

SEED = np.array([11, 4], np.int32)
K = 16


def large_batch(seed: tf.Tensor, n: int) -> tf.Tensor:
    return randomness.normal([n, 6], seed)


def drawn(method: str, scope: str, k: int, replica, num_replicas: int) -> tf.Tensor:
    """The k rows [k, 6] that a replica keeps of four times as many."""

    def select(size, *counters):
        seed = randomness.fold_in(SEED, 0, *counters)
        points = large_batch(seed, 4 * size)
        indices = coreset.select(method, points, size, randomness.fold_in(seed, 1))
        return (tf.gather(points, indices),)

    ((rows,),) = coreset.select_in_scope(scope, select, k, [replica], num_replicas)
    return rows


def on_replicas(strategy: tf.distribute.Strategy, function) -> list[np.ndarray]:
    def replica() -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        return function(context.replica_id_in_sync_group, context.num_replicas_in_sync)

    run = tf.function(lambda: strategy.run(replica), autograph=False)
    return [x.numpy() for x in strategy.experimental_local_results(run())]


@pytest.mark.parametrize("method", coreset.METHODS)
def test_global_on_two_replicas_is_one_device(method, two_replicas):
    points = large_batch(SEED, 128)

    def select(size, *counters):
        assert not counters
        return (coreset.select(method, points, size, SEED),)

    def share(replica, num_replicas):
        ((own,),) = coreset.select_in_scope(
            "global", select, K, [replica], num_replicas
        )
        return own

    single = coreset.select(method, points, 2 * K, SEED).numpy()
    shares = on_replicas(two_replicas, share)
    np.testing.assert_array_equal(np.stack(shares, axis=1).ravel(), single)
    np.testing.assert_array_equal(shares[1], single[1::2])
    assert not set(shares[0]) & set(shares[1])


@pytest.mark.parametrize("method", ["k_center", "stratified"])
def test_global_draw_on_two_replicas_is_one_device(method, two_replicas):
    halves = on_replicas(
        two_replicas, lambda r, count: drawn(method, "global", K // count, r, count)
    )
    merged = np.stack(halves, axis=1).reshape(K, 6)
    np.testing.assert_array_equal(merged, drawn(method, "global", K, 0, 1))


def test_replica_scope_selects_each_from_its_own(two_replicas):
    rows = on_replicas(
        two_replicas, lambda r, count: drawn("k_center", "replica", K, r, count)
    )
    assert rows[0].shape == rows[1].shape == (K, 6)
    assert not set(map(tuple, rows[0])) & set(map(tuple, rows[1]))
    np.testing.assert_array_equal(rows[1], drawn("k_center", "replica", K, 1, 2))


@pytest.mark.parametrize("scope", coreset.SCOPES)
def test_several_replicas_at_once_select_as_one_at_a_time(scope):
    def select(size, *counters):
        return tf.range(size) + sum(100 * (c + 1) for c in counters), tf.ones([size])

    both = coreset.select_in_scope(scope, select, 4, [0, 2], 3)
    for replica, own in zip([0, 2], both):
        (alone,) = coreset.select_in_scope(scope, select, 4, [replica], 3)
        for a, b in zip(own, alone, strict=True):
            np.testing.assert_array_equal(a, b)


def test_counters_differ_by_replica_only_under_replica_scope():
    found = {
        scope: [coreset.selection_of(scope, 4, r, 3) for r in range(3)]
        for scope in coreset.SCOPES
    }
    assert found["global"] == [(12, ())] * 3
    assert found["replica"] == [(4, (0,)), (4, (1,)), (4, (2,))]


def test_shards():
    indices = np.arange(6)
    np.testing.assert_array_equal(coreset.shard(indices, 1, 3), [1, 4])
    with pytest.raises(InputError, match="6 .* 4 replicas.*multiple of 4"):
        coreset.shard(indices, 0, 4)


def test_an_unknown_scope_is_refused():
    with pytest.raises(InputError, match="'local'.*replica, global"):
        coreset.select_in_scope("local", lambda size: (tf.range(size),), 1, [0], 1)
