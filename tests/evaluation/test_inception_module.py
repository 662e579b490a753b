"""Inception from a SavedModel, called as TF-Hub's is."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.features import folder_hash, module_space
from tf_smallgan.evaluation.setup import open_spaces, wanted_spaces
from tf_smallgan.models.inception import preprocess


class _StandIn(tf.Module):
    """A linear map of an image's 4 x 4 average, in the real module's clothes."""

    def __init__(self, feature_dim: int, seed: int = 0):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.features = tf.Variable(rng.normal(size=(48, feature_dim)), dtype="float32")
        self.logits = tf.Variable(rng.normal(size=(feature_dim, 7)), dtype="float32")

    @tf.function(input_signature=[tf.TensorSpec([None, 299, 299, 3])])
    def __call__(self, images):
        small = tf.image.resize(images, [4, 4], method="area")
        pooled = tf.reshape(small, [-1, 48]) @ self.features
        return {
            "pool_3": pooled[:, None, None, :],
            "logits": pooled @ self.logits,
        }


def _saved(path: pathlib.Path, module: tf.Module) -> str:
    tf.saved_model.save(module, str(path))
    return str(path)


@pytest.fixture(scope="module")
def stand_in():
    return _StandIn(2048)


@pytest.fixture(scope="module")
def folder(stand_in, tmp_path_factory):
    return _saved(tmp_path_factory.mktemp("module") / "inception", stand_in)


def _images(count: int) -> tf.Tensor:
    rng = np.random.default_rng(1)
    return tf.constant(rng.integers(0, 256, (count, 8, 8, 1)), tf.uint8)


def test_features_and_logits_are_the_modules(stand_in, folder):
    space = module_space(folder)
    features, logits = space.function(_images(3))
    expected = stand_in(preprocess(_images(3)))
    assert features.shape == (3, 2048) and logits.shape == (3, 7)
    np.testing.assert_allclose(features, expected["pool_3"][:, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(logits, expected["logits"], rtol=1e-5)


def test_what_is_not_the_2015_network_has_another_name(folder):
    assert module_space(folder).name == "custom_inception"


def test_replicas_run_it(folder, two_replicas):
    space = module_space(folder, two_replicas)
    run = tf.function(lambda x: two_replicas.run(space.function, [x])[1])
    for part in two_replicas.experimental_local_results(run(_images(2))):
        np.testing.assert_allclose(part, space.function(_images(2))[1], rtol=1e-5)


def test_the_hash_follows_the_weights(folder, tmp_path):
    other = _saved(tmp_path / "other", _StandIn(2048, seed=1))
    assert folder_hash(pathlib.Path(folder)) != folder_hash(pathlib.Path(other))
    assert module_space(folder).hash == folder_hash(pathlib.Path(folder))


def test_evaluate_takes_it_in_place_of_weights(folder):
    flags = ["--dataset=digits", f"--inception_module={folder}"]
    config = config_lib.parse(
        [*flags, "--feature_space=inception"], config_lib.EVALUATE
    )
    assert wanted_spaces(config) == ("inception",)
    (space,) = open_spaces(config, None, ("inception",), None)
    assert space.hash == folder_hash(pathlib.Path(folder))


def test_a_folder_without_a_module(tmp_path):
    with pytest.raises(InputError, match="no SavedModel lies there.*saved_model.pb"):
        module_space(str(tmp_path))


def test_a_module_of_other_outputs(tmp_path):
    path = _saved(tmp_path / "short", _StandIn(12))
    with pytest.raises(InputError, match=r"'pool_3': \[1, 1, 1, 12\].*expected"):
        module_space(path)


def test_a_module_that_takes_no_images(tmp_path):
    module = tf.Module()
    module.__call__ = tf.function(
        lambda x: x, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    path = _saved(tmp_path / "text", module)
    with pytest.raises(InputError, match="does not take images"):
        module_space(path)
