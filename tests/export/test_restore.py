import shutil

import numpy as np
import pytest
import tensorflow as tf

from export.folding import copy_weights, folded_copy
from export.restore import restore
from tests.export.helpers import STEP
from tf_smallgan import config as config_lib
from tf_smallgan.errors import InputError
from tf_smallgan.models.spectral_norm import kernels_of
from tf_smallgan.training import state


def parse(workdir, *flags) -> config_lib.Config:
    return config_lib.parse([f"--workdir={workdir}", *flags], config_lib.EXPORT)


@pytest.fixture(scope="module")
def restored(workdir):
    return restore(parse(workdir), "last")


def test_every_weight_of_the_average_is_restored(restored, workdir):
    saved = tf.train.list_variables(str(workdir / "checkpoints" / f"step-{STEP}"))
    values = [n for n, _ in saved if n.startswith("average/") and "VARIABLE_VALUE" in n]
    assert len(values) == len(restored.average.variables)
    assert restored.step == STEP
    for variable in restored.average.trainable_variables:
        assert np.abs(variable).max() > 0, variable.path


def test_neither_discriminator_nor_optimizers_are_built(workdir, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("built")

    monkeypatch.setattr(state, "build_discriminator", refuse)
    monkeypatch.setattr(state, "adam", refuse)
    assert restore(parse(workdir), str(STEP)).step == STEP


def test_folded_computes_the_same_from_plain_kernels(restored):
    folded = folded_copy(restored.average, restored.spec, (1.0,))
    z = tf.random.stateless_normal([5, 16], [1, 2])
    labels = tf.range(5)
    live = restored.average(z, labels, batch_statistics=True)
    np.testing.assert_allclose(
        folded(z, labels, batch_statistics=True), live, atol=1e-5
    )


def test_spectral_norm_is_converged(restored):
    for kernel in kernels_of(restored.average):
        if kernel.right is not None:
            matrix = np.reshape(kernel.kernel.numpy(), [-1, kernel.kernel.shape[-1]])
            largest = np.linalg.svd(matrix, compute_uv=False)[0]
            np.testing.assert_allclose(kernel.sigma(False), largest, rtol=1e-4)


def test_copy_refuses_other_networks(restored):
    with pytest.raises(ValueError, match="shorter|longer|shape"):
        copy_weights(restored.average.blocks[0], restored.average.blocks[0].conv1)


def test_no_such_step(workdir):
    with pytest.raises(InputError, match=r"--step=8 is not a kept checkpoint"):
        restore(parse(workdir), "8")


def test_truncated_checkpoint(workdir, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(workdir, copy)
    (data,) = (copy / "checkpoints").glob("*.data-*")
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be restored"):
        restore(parse(copy), "last")


def test_weights_of_another_width(workdir, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(workdir, copy)
    with pytest.raises(InputError, match="cannot be restored"):
        restore(parse(copy, "--channel_multiplier=4"), "last")
