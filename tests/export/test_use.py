"""Exports as the project's own commands use them."""

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.supply import ExportSupply, shuffled_labels
from tf_smallgan.models.latents import sample_truncated
from tf_smallgan.sampling import ExportDrawer, blend


def test_an_unconditional_export_is_scored_whatever_the_data_have(unconditional):
    supply = ExportSupply(str(unconditional), 10, seed=3)
    assert supply.num_classes == 0
    labels = shuffled_labels(70, supply.num_classes, seed=0)
    batches = [images for images, _ in supply.images(labels, 0.5)]
    drawn = ExportDrawer(str(unconditional), 0.5, seed=3).draw(labels)
    np.testing.assert_array_equal(np.concatenate(batches), drawn)


def test_a_conditional_export_is_not_scored_without_classes(exported):
    with pytest.raises(InputError, match="of a conditional generator.*noconditional"):
        ExportSupply(str(exported), 0, seed=0)


def test_lines_lie_between_latents_of_the_exports_own_rule(unconditional):
    drawer = ExportDrawer(str(unconditional), 0.5, seed=3)
    found = drawer.interpolate(np.zeros(2, np.int32), columns=2)
    module = tf.saved_model.load(str(unconditional))
    corners = sample_truncated("threshold", "normal", [3, 16], [3, 0], 0.5)
    z = tf.constant(blend(corners.numpy(), 2))
    images = module.signatures["default"](z=z, truncation=tf.fill([4], 0.5))["default"]
    expected = np.clip(np.round((images.numpy() + 1) * 127.5), 0, 255)
    np.testing.assert_array_equal(found, expected.astype(np.uint8))
