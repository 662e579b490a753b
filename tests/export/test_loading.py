"""The ways in which other code loads an export; docs/serving.md shows each."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from export import recording
from tests.export.helpers import request

FRESH = pathlib.Path(__file__).with_name("fresh_process.py")


@pytest.fixture(scope="module")
def image(session_model) -> np.ndarray:
    """Two images of labels 3 and 1."""
    return session_model.predict("serving_default", request(3, 1))["image"].astype(int)


@pytest.fixture(scope="module")
def hub_inputs(exported) -> tuple:
    """z [4, Z] and y [4, K]."""
    inputs, _, _ = recording.read_examples(exported)
    return tf.constant(inputs["z"]), tf.constant(inputs["y"])


def test_a_process_without_this_package(exported, image, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    process = subprocess.run(
        [sys.executable, str(FRESH), str(exported), str(tmp_path / "image.npy")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert np.abs(np.load(tmp_path / "image.npy") - image).max() <= 1


def test_hub_load(exported, hub_inputs, loaded):
    import tensorflow_hub as hub

    module = hub.load(str(exported))
    images = module(*hub_inputs, 0.5)
    np.testing.assert_array_equal(images, loaded(*hub_inputs, 0.5))
    assert module.trainable_variables == [] and len(module.variables) > 10


def test_hub_keras_layer(exported, hub_inputs, loaded):
    import tensorflow_hub as hub

    layer = hub.KerasLayer(str(exported), signature="default", output_key="default")
    z, y = hub_inputs
    images = layer({"z": z, "y": y, "truncation": tf.constant(0.5)})
    np.testing.assert_allclose(images, loaded(z, y, 0.5), atol=1e-6)


def test_tfsm_layer(exported, image, hub_inputs, loaded):
    layer = keras.layers.TFSMLayer(str(exported), call_endpoint="__call__")
    z, y = hub_inputs
    images = layer(z, y=y, truncation=tf.constant(0.5))
    np.testing.assert_allclose(images, loaded(z, y, 0.5), atol=1e-6)


def test_tfsm_layer_of_seeds(exported, image):
    layer = keras.layers.TFSMLayer(str(exported), call_endpoint="generate")
    inputs = request(3, 1)
    images = layer(
        inputs["label"], seed=inputs["seed"], truncation=inputs["truncation"]
    )
    assert np.abs(images.numpy() - image).max() <= 1


def test_tfsm_layer_in_a_functional_model(exported, hub_inputs, loaded):
    z, y = hub_inputs
    z_input, y_input = keras.Input([z.shape[1]]), keras.Input([y.shape[1]])
    layer = keras.layers.TFSMLayer(str(exported), call_endpoint="__call__")
    images = layer(z_input, y=y_input, truncation=tf.constant(0.5))
    model = keras.Model([z_input, y_input], images)
    np.testing.assert_allclose(model([z, y]), loaded(z, y, 0.5), atol=1e-6)


def test_inside_a_function_and_a_pipeline(loaded, image):
    generate = loaded.signatures["serving_default"]

    @tf.function
    def pictures(inputs):
        return generate(**inputs)["image"]

    inputs = {name: tf.constant(value) for name, value in request(3, 1).items()}
    assert np.abs(pictures(inputs).numpy() - image).max() <= 1
    data = tf.data.Dataset.from_tensor_slices(inputs).repeat(3).batch(2).map(pictures)
    batches = list(data.as_numpy_iterator())
    assert len(batches) == 3
    for batch in batches:
        assert np.abs(batch - image).max() <= 1
