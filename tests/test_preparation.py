"""Embedding on several replicas changes the speed and not a byte."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import config
from tf_smallgan.data import dataset
from tf_smallgan.errors import InputError
from tf_smallgan.models import classifier


def _caches(folder, strategy):
    """The bytes of each file of a cache that `strategy` made."""
    flags = ("--dataset=digits", "--embedding_dim=8", f"--workdir={folder}")
    dataset.prepare(config.parse(flags), lambda line: None, strategy)
    return {
        path.name: path.read_bytes()
        for path in (folder / "cache").iterdir()
        if path.suffix in (".npy", ".json")
    }


def test_two_replicas_write_the_bytes_of_one(tmp_path, two_replicas, monkeypatch):
    # Embeddings of a network as it was initialised will do.
    monkeypatch.setattr(classifier, "_fit", lambda *_: 0.1)
    one = _caches(tmp_path / "one", tf.distribute.OneDeviceStrategy("CPU:0"))
    two = _caches(tmp_path / "two", two_replicas)
    assert {"digests.npy", "embeddings-00000-of-00001.npy"} < one.keys()
    assert one == two


def test_one_cache_seed_lets_seeds_share_a_cache(tmp_path):
    flags = ("--dataset=digits", "--embedder=pixels", "--embedding_dim=4")
    flags += (f"--workdir={tmp_path}",)

    def embeddings(*more):
        prepared = dataset.prepare(config.parse([*flags, *more]), lambda line: None)
        return prepared.embeddings

    first = embeddings("--seed=0")
    np.testing.assert_array_equal(first, embeddings("--seed=1", "--cache_seed=0"))
    with pytest.raises(InputError, match="projection_seed"):
        embeddings("--seed=1")
