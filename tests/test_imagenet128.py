"""configs/imagenet128.cfg for real, but for what would take long here.

Other than there: width, batch, embedder and images.
"""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.commands import run

_IMAGES = 40


def _make_imagenet(data_dir):
    """A TFDS `imagenet2012` of TFDS's own features: JPEGs of varied sizes."""
    rng = np.random.default_rng(0)

    def examples():
        for i in range(_IMAGES):
            height, width = rng.integers(90, 300, 2)
            coarse = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
            image = tf.image.resize(coarse, [height, width], method="bicubic")
            image = tf.saturate_cast(image, tf.uint8).numpy()
            label = int(rng.integers(0, 1000))
            yield i, {"image": image, "label": label, "file_name": f"n{i:08}.JPEG"}

    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(num_classes=1000),
            "file_name": tfds.features.Text(),
        }
    )
    tfds.dataset_builders.store_as_tfds_dataset(
        name="imagenet2012",
        version="5.1.0",
        features=features,
        split_datasets={"train": list(examples())},
        data_dir=data_dir,
        disable_shuffling=True,
    )


@pytest.mark.slow
def test_two_mirrored_steps_and_an_export(tmp_path):
    _make_imagenet(tmp_path / "data")
    workdir = tmp_path / "run"
    result = run(
        "tf_smallgan.train",
        "--flagfile=configs/imagenet128.cfg",
        f"--workdir={workdir}",
        f"--data_dir={tmp_path / 'data'}",
        "--channel_multiplier=8",
        "--batch_size=4",
        "--embedder=pixels",
        "--strategy=mirrored",
        "--logical_cpus=2",
        "--train_steps=2",
        "--log_every_steps=1",
        "--sample_every_steps=0",
        "--standing_batches=2",
    )
    assert "strategy mirrored, 2 replicas" in result.stdout
    assert "imagenet2012 train: 40 images" in result.stdout
    assert "step 2/2" in result.stdout
    exports = tmp_path / "exports"
    run(
        "export",
        f"--workdir={workdir}",
        f"--export_dir={exports}",
        "--standing_batches=2",
        "--standing_truncations=0.5,1",
    )
    # Every signature against the live averaged generator, to 1e-4 at this size.
    verified = run("export.verify", str(exports / "1"), f"--workdir={workdir}").stdout
    assert "Against the live generator of the run" in verified
    module = tf.saved_model.load(str(exports / "1"))
    image = module.signatures["serving_default"](
        label=tf.constant([0, 999]),
        seed=tf.constant([1, 2], tf.int64),
        truncation=tf.constant([0.5, 1.0]),
    )["image"]
    assert image.shape == (2, 128, 128, 3)
