"""What the exported signatures compute."""

import numpy as np
import pytest
import tensorflow as tf

from export import recording
from export.session import SessionModel
from export.verify import operations
from tests.export.helpers import request

SIGNATURES = ["default", "embed", "serving_default", "serving_png", "synthesize"]


def draw(model, inputs) -> np.ndarray:
    """Images of serving_default as signed integers, for differences."""
    return model.predict("serving_default", inputs)["image"].astype(int)


def test_signatures_and_their_shapes(session_model):
    assert sorted(session_model.signatures) == SIGNATURES
    serving = session_model.signatures["serving_default"]
    assert {k: v.dtype for k, v in serving.inputs.items()} == {
        "label": tf.int32.as_datatype_enum,
        "seed": tf.int64.as_datatype_enum,
        "truncation": tf.float32.as_datatype_enum,
    }
    image = serving.outputs["image"]
    assert [d.size for d in image.tensor_shape.dim] == [-1, 32, 32, 1]
    assert image.dtype == tf.uint8.as_datatype_enum
    default = session_model.signatures["default"]
    assert [d.size for d in default.inputs["z"].tensor_shape.dim] == [-1, 16]
    assert [d.size for d in default.inputs["y"].tensor_shape.dim] == [-1, 10]
    assert default.inputs["truncation"].tensor_shape.unknown_rank
    assert list(default.outputs) == ["default"]


def test_equals_the_live_generator(session_model, exported):
    inputs, live, _ = recording.read_examples(exported)
    fed = {k: inputs[k] for k in ("z", "y", "truncation")}
    images = session_model.predict("default", fed)["default"]
    np.testing.assert_allclose(images, live["images"], atol=1e-5)
    assert live["images"].std() > 0.1
    fed = {k: inputs[k] for k in ("label", "seed", "truncation")}
    assert np.abs(draw(session_model, fed) - live["image"]).max() <= 1


def test_an_image_does_not_depend_on_the_rest_of_the_batch(session_model):
    whole = request(0, 3, 9, 3, 1, 1, 2)
    whole["truncation"] = np.linspace(0.05, 1, 7, dtype=np.float32)
    together = draw(session_model, whole)
    for i in range(7):
        alone = draw(session_model, {k: v[i : i + 1] for k, v in whole.items()})
        assert np.abs(alone[0] - together[i]).max() <= 1


def test_seed_label_and_truncation_each_matter(session_model):
    base = draw(session_model, request(3))
    for other in (request(4), request(3, seed=6), request(3, truncation=0.3)):
        assert np.abs(draw(session_model, other) - base).max() > 5


def test_png_holds_the_same_images(session_model):
    inputs = request(1, 2, 3)
    images = draw(session_model, inputs)
    files = session_model.predict("serving_png", inputs)["image_bytes"]
    for image, file in zip(images, files):
        np.testing.assert_array_equal(tf.io.decode_png(file), image)


def test_truncation_may_be_a_scalar_or_one_an_example(loaded, exported):
    inputs, _, _ = recording.read_examples(exported)
    z, y = inputs["z"], inputs["y"]
    scalar = loaded(z, y, 0.4)
    np.testing.assert_array_equal(scalar, loaded(z, y, tf.fill([len(z)], 0.4)))
    np.testing.assert_array_equal(scalar, loaded(z, y, tf.constant([0.4])))
    assert np.abs(scalar - loaded(z, y, 1.0)).max() > 1e-3  # Other statistics.


def test_synthesize_of_embed_is_default_and_soft_labels_mix(session_model, exported):
    inputs, _, _ = recording.read_examples(exported)
    z, truncation = inputs["z"][:2], inputs["truncation"][:2]
    one = session_model.predict("embed", {"label": np.array([2, 7], np.int32)})
    embedding = one["class_embedding"]
    mean = np.repeat(embedding.mean(axis=0, keepdims=True), 2, axis=0)
    y = np.zeros((2, 10), np.float32)
    y[:, [2, 7]] = 0.5
    soft = session_model.predict("default", {"z": z, "y": y, "truncation": truncation})
    mixed = session_model.predict(
        "synthesize", {"z": z, "class_embedding": mean, "truncation": truncation}
    )
    np.testing.assert_allclose(soft["default"], mixed["images"], atol=1e-5)


def test_gradients_reach_the_latents(loaded, exported):
    inputs, _, _ = recording.read_examples(exported)
    z = tf.constant(inputs["z"])
    with tf.GradientTape() as tape:
        tape.watch(z)
        total = tf.reduce_sum(loaded(z, inputs["y"], 0.5))
    gradient = tape.gradient(total, z).numpy()
    assert np.isfinite(gradient).all() and np.abs(gradient).min(axis=1).all()


def test_graph_has_only_stock_operations_and_nothing_of_training(session_model):
    assert operations(session_model)
    for function in session_model.meta_graph.graph_def.library.function:
        if "restore" in function.signature.name:
            continue
        for node in function.node_def:
            assert not node.op.startswith(("Assign", "Random", "Var")), node.name
            assert "spectral" not in node.name and node.name != "norm/"


def test_only_what_is_read_is_saved(exported, loaded):
    names = tf.train.list_variables(str(exported / "variables" / "variables"))
    saved = [name for name, _ in names if "VARIABLE_VALUE" in name]
    assert len(saved) == len(loaded.variables)
    text = " ".join(variable.name for variable in loaded.variables)
    assert "singular" not in text and "moving" not in text


def test_one_trace_of_the_generator_serves_all_signatures(session_model):
    library = session_model.meta_graph.graph_def.library.function
    drawing = [f for f in library if any(n.op == "Tanh" for n in f.node_def)]
    assert len(drawing) == 1


@pytest.fixture(scope="module")
def classless(unconditional) -> SessionModel:
    return SessionModel(unconditional)


def test_unconditional_signatures_have_no_label_and_no_y(classless):
    assert sorted(classless.signatures) == ["default", "serving_default", "serving_png"]
    assert sorted(classless.signatures["default"].inputs) == ["truncation", "z"]
    assert sorted(classless.signatures["serving_png"].inputs) == ["seed", "truncation"]


def test_unconditional_equals_the_live_generator(classless, unconditional):
    inputs, live, _ = recording.read_examples(unconditional)
    fed = {k: inputs[k] for k in ("z", "truncation")}
    images = classless.predict("default", fed)["default"]
    np.testing.assert_allclose(images, live["images"], atol=1e-5)
    fed = {k: inputs[k] for k in ("seed", "truncation")}
    assert np.abs(draw(classless, fed) - live["image"]).max() <= 1


def test_the_threshold_rule_bounds_every_latent(unconditional):
    inputs, live, _ = recording.read_examples(unconditional)
    bounds = inputs["truncation"][:, None]
    assert (np.abs(live["latents"]) <= bounds).all()
    assert (np.abs(live["latents"]) > 0.5 * bounds).any()
