"""Replicas against one device, index for index."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import coreset
from tf_smallgan.errors import InputError

SEED = np.array([11, 4], np.int32)
K = 16


def large_batch(seed: tf.Tensor, n: int) -> tf.Tensor:
    return tf.random.stateless_normal([n, 6], seed)


def on_replicas(strategy: tf.distribute.Strategy, function) -> list[np.ndarray]:
    def replica() -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        return function(context.replica_id_in_sync_group, context.num_replicas_in_sync)

    run = tf.function(lambda: strategy.run(replica), autograph=False)
    return [x.numpy() for x in strategy.experimental_local_results(run())]


@pytest.mark.parametrize("method", coreset.METHODS)
def test_global_on_two_replicas_is_one_device(method, two_replicas):
    points = large_batch(SEED, 128)

    def select(replica_id, num_replicas):
        return coreset.scoped_select(
            "global", method, points, K, SEED, replica_id, num_replicas
        )

    single = coreset.scoped_select("global", method, points, 2 * K, SEED, 0, 1).numpy()
    slices = on_replicas(two_replicas, select)
    np.testing.assert_array_equal(np.stack(slices, axis=1).ravel(), single)
    np.testing.assert_array_equal(slices[1], single[1::2])
    np.testing.assert_array_equal(single, coreset.select(method, points, 2 * K, SEED))


@pytest.mark.parametrize("method", ["k_center", "stratified"])
def test_global_draw_on_two_replicas_is_one_device(method, two_replicas):
    def draw(replica_id, num_replicas):
        return coreset.scoped_draw(
            "global",
            method,
            large_batch,
            4,
            K // num_replicas,
            SEED,
            replica_id,
            num_replicas,
        )

    halves = on_replicas(two_replicas, draw)
    merged = np.stack(halves, axis=1).reshape(K, 6)
    np.testing.assert_array_equal(merged, draw(0, 1))


def test_replica_scope_selects_each_from_its_own(two_replicas):
    def draw(replica_id, num_replicas):
        return coreset.scoped_draw(
            "replica", "k_center", large_batch, 4, K, SEED, replica_id, num_replicas
        )

    rows = on_replicas(two_replicas, draw)
    assert rows[0].shape == rows[1].shape == (K, 6)
    assert not set(map(tuple, rows[0])) & set(map(tuple, rows[1]))
    np.testing.assert_array_equal(rows[1], draw(1, 2))


def test_seeds_differ_by_replica_only_under_replica_scope():
    seeds = {
        scope: [tuple(coreset.scoped_seed(scope, SEED, r).numpy()) for r in range(4)]
        for scope in coreset.SCOPES
    }
    assert set(seeds["global"]) == {tuple(SEED)}
    assert len(set(seeds["replica"])) == 4


def test_dealing():
    indices = np.arange(6)
    np.testing.assert_array_equal(coreset.deal(indices, 1, 3), [1, 4])
    with pytest.raises(InputError, match="6 selected points do not divide over 4"):
        coreset.deal(indices, 0, 4)
    with pytest.raises(InputError, match="'local'.*replica, global"):
        coreset.check_scope("local")
