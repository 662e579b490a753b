"""Draws samples from an export with TensorFlow alone.

python examples/sample_from_export.py runs/digits/export/1 samples.png
"""

import sys

import tensorflow as tf


def draw(folder: str, out: str, columns: int = 8) -> None:
    """Writes a PNG with two rows of samples: at truncation 0.5 and at 1."""
    model = tf.saved_model.load(folder)
    serving = model.signatures["serving_default"]
    rows = []
    for truncation in (0.5, 1.0):
        request = {
            "seed": tf.range(columns, dtype=tf.int64),
            "truncation": tf.fill([columns], truncation),
        }
        if "label" in serving.structured_input_signature[1]:
            request["label"] = tf.zeros([columns], tf.int32)
        images = serving(**request)["image"]  # [columns, H, W, C] uint8
        rows.append(tf.concat(tf.unstack(images), axis=1))
    tf.io.write_file(out, tf.io.encode_png(tf.concat(rows, axis=0)))


if __name__ == "__main__":
    draw(*sys.argv[1:3])
