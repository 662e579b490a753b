"""Sheets of images."""

import numpy as np
import tensorflow as tf

from tf_smallgan.sampling import grids


def test_tiles_lie_row_by_row_on_white():
    images = np.stack([np.full((64, 64, 1), i, np.uint8) for i in range(5)])
    sheet = grids.sheet(images, columns=3)
    assert sheet.shape == (2 * 66 + 2, 3 * 66 + 2, 1)
    centres = sheet[34::66, 34::66, 0]
    np.testing.assert_array_equal(centres, [[0, 1, 2], [3, 4, 255]])
    assert sheet[0].min() == 255


def test_small_images_are_enlarged_by_whole_factors(tmp_path):
    image = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(1, 32, 32, 3)
    sheet = grids.sheet(image)
    np.testing.assert_array_equal(sheet[2:66:2, 2:66:2], image[0])
    path = tmp_path / "deep" / "sheet.png"
    grids.write_png(path, sheet)
    np.testing.assert_array_equal(tf.io.decode_png(path.read_bytes()), sheet)
    assert [p.name for p in path.parent.iterdir()] == ["sheet.png"]
