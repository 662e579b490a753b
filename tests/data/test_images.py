"""Decoding, converting, cropping and resizing."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_smallgan.data import images, labels
from tf_smallgan.sampling.sampler import to_uint8


def _png(pixels: np.ndarray) -> tf.Tensor:
    return tf.io.encode_png(pixels)


@pytest.mark.parametrize("stored", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_png_decodes_to_the_channels_asked_for(stored, channels):
    pixels = np.full((4, 6, stored), 90, np.uint8)
    if stored in (2, 4):
        pixels[..., -1] = 255
    image = images.decode(_png(pixels), channels)
    np.testing.assert_array_equal(image, np.full((4, 6, channels), 90))


_GREY = np.array([[0, 85, 170, 255], [255, 0, 85, 170]], np.uint8)


def _palette(colors: int, transparent: bool) -> tuple[bytes, np.ndarray]:
    """A palette PNG that PIL stores in as few bits as it needs, and its truth."""
    indices = Image.fromarray(np.arange(colors, dtype=np.uint8).reshape(-1, 2), "P")
    levels = np.linspace(10, 200, colors).astype(np.uint8)
    indices.putpalette(np.repeat(levels, 3).tobytes())
    out = io.BytesIO()
    more = {"transparency": bytes([0] + [255] * (colors - 1))} if transparent else {}
    indices.save(out, "PNG", **more)
    truth = levels.reshape(-1, 2).copy()
    if transparent:
        truth[0, 0] = 255  # Over white.
    return out.getvalue(), truth


@pytest.mark.parametrize("colors", [2, 4, 16, 100])
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_palettes_of_any_depth(colors, transparent, channels):
    encoded, truth = _palette(colors, transparent)
    assert encoded[24] == {2: 1, 4: 2, 16: 4, 100: 8}[colors]
    image = images.decode(tf.constant(encoded), channels).numpy()
    np.testing.assert_array_equal(image, np.repeat(truth[..., None], channels, -1))


def _grey_png(bits: int, rows: np.ndarray) -> bytes:
    """A grey PNG of fewer than 8 bits, which PIL does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    levels = rows.astype(int) * (2**bits - 1) // 255
    text = ["".join(f"{level:0{bits}b}" for level in row) for row in levels]
    data = b"".join(
        b"\0" + int(line.ljust(8, "0"), 2).to_bytes(len(line.ljust(8, "0")) // 8, "big")
        for line in text
    )
    head = struct.pack(">IIBBBBB", rows.shape[1], rows.shape[0], bits, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data))
    return images.PNG_MAGIC + parts + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_of_few_bits(bits):
    grey = _GREY if bits > 1 else np.where(_GREY > 100, 255, 0).astype(np.uint8)
    encoded = _grey_png(bits, grey)
    with Image.open(io.BytesIO(encoded)) as read:
        np.testing.assert_array_equal(np.asarray(read.convert("L")), grey)
    image = images.decode(tf.constant(encoded), 3).numpy()
    np.testing.assert_array_equal(image, np.repeat(grey[..., None], 3, -1))


def test_alpha_is_composited_over_white():
    pixels = np.array([[[10, 20, 30, 0], [10, 20, 30, 255], [100, 0, 255, 51]]])
    image = images.decode(_png(pixels.astype(np.uint8)), 3).numpy()
    # The last: 255 + (100 - 255) / 5 = 224, 255 - 51 = 204, 255.
    expected = [[255, 255, 255], [10, 20, 30], [224, 204, 255]]
    np.testing.assert_array_equal(image[0], expected)


def test_rgb_becomes_grey_by_its_luma():
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    image = images.decode(_png(pixels), 1).numpy()
    np.testing.assert_array_equal(image[0, :, 0], [76, 150, 29])


def test_grey_jpeg_becomes_rgb_with_equal_channels():
    encoded = tf.io.encode_jpeg(np.full((8, 8, 1), 200, np.uint8))
    image = images.decode(encoded, 3).numpy()
    assert (image == image[..., :1]).all() and abs(int(image[0, 0, 0]) - 200) <= 1


@pytest.mark.parametrize("stored", [1, 2, 3, 4])
def test_stored_channels_are_read_from_the_header(stored):
    encoded = _png(np.zeros((4, 4, stored), np.uint8))
    assert images.stored_channels(encoded) == stored


@pytest.mark.parametrize("stored", [1, 3])
def test_stored_channels_of_jpeg(stored):
    encoded = tf.io.encode_jpeg(np.zeros((4, 4, stored), np.uint8))
    assert images.stored_channels(encoded) == stored


def test_magic():
    assert not images.is_image(tf.constant(b"GIF89a, no image that is read"))
    assert not images.is_image(tf.constant(b""))
    assert images.is_image(_png(np.zeros((4, 4, 1), np.uint8)))


def test_fit_takes_the_centre_square():
    image = np.zeros((4, 10, 1), np.uint8)
    image[:, 3:7] = 200
    fitted = images.fit(tf.constant(image), 4)
    np.testing.assert_array_equal(fitted, np.full((4, 4, 1), 200))


def test_fit_is_the_mean_over_the_area():
    image = np.random.RandomState(0).randint(0, 256, (12, 12, 3)).astype(np.uint8)
    means = image.reshape(4, 3, 4, 3, 3).mean(axis=(1, 3))
    fitted = images.fit(tf.constant(image), 4).numpy()
    assert np.abs(fitted - means).max() <= 0.5 + 1e-4


def test_fit_enlarges_by_repeating():
    image = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    expected = image.repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(images.fit(tf.constant(image), 4), expected)


def test_float_and_back():
    every = tf.range(256, dtype=tf.int32)
    scaled = images.to_float(tf.cast(every, tf.uint8))
    assert scaled[0] == -1.0 and scaled[255] == 1.0
    np.testing.assert_array_equal(to_uint8(scaled), every)
    np.testing.assert_array_equal(to_uint8(tf.constant([-3.0, 1.5])), [0, 255])


def test_mirror():
    image = tf.reshape(tf.range(6), [1, 6, 1])
    np.testing.assert_array_equal(
        images.mirror_where(tf.constant(True), image), image[:, ::-1]
    )
    np.testing.assert_array_equal(images.mirror_where(tf.constant(False), image), image)


def test_conversions_are_counted_and_said():
    stored = np.array([1] * 312 + [3] * 5 + [4])
    assert labels.conversions(stored, 3) == (
        "312 grey images were converted to RGB; "
        "1 four-channel image was converted to RGB"
    )
    assert labels.conversions(np.array([3, 3]), 3) == ""


def _jpeg(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def test_cmyk_becomes_rgb_and_grey():
    # Half of the cyan: red is halved.
    encoded = _jpeg(Image.new("CMYK", (16, 8), (128, 0, 0, 0)))
    assert int(images.stored_channels(tf.constant(encoded))) == 4
    rgb = images.decode(tf.constant(encoded), 3).numpy()
    np.testing.assert_allclose(rgb, np.full((8, 16, 3), [127, 255, 255]), atol=2)
    grey = images.decode(tf.constant(encoded), 1).numpy()
    # 0.299 * 127 + 0.701 * 255.
    np.testing.assert_allclose(grey, np.full((8, 16, 1), 217), atol=2)


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("turned", range(1, 9))
def test_a_cameras_orientation_is_read(endian, turned):
    tags = Image.Exif()
    tags.endian = endian
    tags[0x010F], tags[0x0110] = "A camera", "of some kind"
    tags[0x0112] = turned
    tags[0x0132] = "2020:01:01 00:00:00"
    encoded = _jpeg(Image.new("RGB", (16, 8)), exif=tags)
    assert Image.open(io.BytesIO(encoded)).getexif()[0x0112] == turned
    assert int(images.orientation(tf.constant(encoded))) == turned


def test_no_orientation_is_the_first():
    tags = Image.Exif()
    tags[0x010F] = "A camera"
    plain = Image.new("RGB", (16, 8))
    said_nothing = _jpeg(plain, exif=tags)
    torn = said_nothing[: said_nothing.index(b"Exif") + 9]
    for encoded in (_jpeg(plain), said_nothing, torn, b"", b"Exif\x00\x00II"):
        assert int(images.orientation(tf.constant(encoded))) == 1
