"""Run by test_loading.py: TensorFlow and an export, nothing of this package."""

import sys

import numpy as np
import tensorflow as tf

folder, out = sys.argv[1:]
model = tf.saved_model.load(folder)
generate = model.signatures["serving_default"]
image = generate(
    label=tf.constant([3, 1]),
    seed=tf.constant([5, 6], tf.int64),
    truncation=tf.constant([0.7, 0.7]),
)["image"]
np.save(out, image)
assert not any(name.split(".")[0] in ("tf_smallgan", "export") for name in sys.modules)
