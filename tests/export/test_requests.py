"""Malformed requests come back as InvalidArgument with a sentence."""

import numpy as np
import pytest
import tensorflow as tf

from export import recording
from tests.export.helpers import request


def changed(**inputs) -> dict:
    return request(1, 2) | {k: np.array(v) for k, v in inputs.items()}


F, I32, I64 = np.float32, np.int32, np.int64
SERVING = [
    (changed(label=I32([1, 10])), "label must be a class from 0 to 9"),
    (changed(label=I32([-1, 1])), "label must be a class from 0 to 9"),
    (changed(truncation=F([0.5, 0])), "truncation must be greater than 0"),
    (changed(truncation=F([0.5, 1.01])), "truncation must be .* at most 1"),
    (changed(truncation=F([np.nan, 1])), "truncation must be .* has. .nan"),
    (changed(seed=I64([1])), "seed must have one entry for each example"),
    (changed(truncation=F([1, 1, 1])), "truncation must have one entry for each"),
    (
        {"label": I32([]), "seed": I64([]), "truncation": F([])},
        "label must have one entry for each example",
    ),
]


@pytest.mark.parametrize("inputs, sentence", SERVING)
@pytest.mark.parametrize("signature", ["serving_default", "serving_png"])
def test_serving(session_model, signature, inputs, sentence):
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        session_model.predict(signature, inputs)


def default(exported, **inputs) -> dict:
    fixed, _, _ = recording.read_examples(exported)
    return {k: fixed[k] for k in ("z", "y", "truncation")} | inputs


def test_default(session_model, exported):
    good = default(exported)
    z, y = good["z"], good["y"]
    for inputs, sentence in [
        ({"z": z * np.inf}, "z must be finite"),
        ({"y": y * np.nan}, "y must be finite"),
        ({"y": y[:2]}, "y must have as many rows as z"),
        ({"truncation": F([[0.5]] * 4)}, "truncation must be one number or"),
        ({"truncation": F([0.5] * 3)}, "truncation must be one number or"),
        ({"truncation": F(2)}, "truncation must be greater than 0 and at most 1"),
        ({"z": z[:0], "y": y[:0], "truncation": F(1)}, "z must have shape"),
    ]:
        with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
            session_model.predict("default", good | inputs)


def test_wrong_latent_size(loaded, exported):
    good = default(exported)
    call = loaded.signatures["default"]
    tensors = {k: tf.constant(v) for k, v in good.items()}
    tensors["z"] = tensors["z"][:, :15]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"z must have shape \[examples, 16\]"
    ):
        call(**tensors)


def test_embed_and_synthesize(session_model):
    with pytest.raises(tf.errors.InvalidArgumentError, match="label must be a class"):
        session_model.predict("embed", {"label": I32([10])})
    inputs = {
        "z": np.zeros((2, 16), F),
        "class_embedding": np.zeros((3, 128), F),
        "truncation": F(1),
    }
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="class_embedding must have as many rows"
    ):
        session_model.predict("synthesize", inputs)


def test_a_good_request_after_a_bad_one_is_answered(session_model):
    before = session_model.predict("serving_default", request(1, 2))["image"]
    for inputs, _ in SERVING:
        with pytest.raises(tf.errors.InvalidArgumentError):
            session_model.predict("serving_default", inputs)
    after = session_model.predict("serving_default", request(1, 2))["image"]
    np.testing.assert_array_equal(before, after)
