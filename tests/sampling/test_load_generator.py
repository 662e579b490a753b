"""`load_generator`: a run's generator in Python."""

import subprocess
import sys
import tarfile

import numpy as np
import pytest
import tensorflow as tf

import tf_smallgan
from tests.commands import ROOT
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError
from tf_smallgan.sampling.generators import CHUNK_IMAGES, open_generator
from tf_smallgan.sampling.sampler import to_uint8


@pytest.fixture(scope="module")
def workdir(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("run")
    with tarfile.open(ROOT / "tests" / "compatibility" / "before.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return str(folder / "run")


def test_it_draws_what_sample_draws(workdir):
    generator = tf_smallgan.load_generator(workdir, truncation=0.7)
    labels = np.arange(6, dtype=np.int32)
    config = config_lib.parse([f"--workdir={workdir}"], config_lib.SAMPLE)
    source = open_generator(config)
    ((expected, _),) = source.images(labels, 0.7)
    latents = source._sampler_at(0.7).latents(CHUNK_IMAGES, 1)[:6]
    images = to_uint8(generator(tf.constant(latents), tf.constant(labels)))
    assert np.abs(images.numpy().astype(int) - expected).max() <= 1


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="flags.cfg"):
        tf_smallgan.load_generator(str(tmp_path))


def test_the_package_alone_does_not_load_tensorflow():
    code = "import sys, tf_smallgan; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
