"""Importing released networks: what is written, what is refused. No PyTorch needed."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.commands import run_here
from tests.released_states import (
    CH,
    CLASSES,
    EMBEDDING,
    LATENT,
    ROWS,
    deep_state,
    residual_states,
)
from tests.test_convert_inception import archive_of
from tf_smallgan import config as config_lib
from tf_smallgan import evaluate, sample
from tf_smallgan.config import defaults
from tf_smallgan.errors import InputError
from tf_smallgan.import_weights import import_weights
from tf_smallgan.importing import biggan_pytorch
from tf_smallgan.models.factory import build_discriminator
from tf_smallgan.sampling import grids, standing
from tf_smallgan.sampling.sampler import Sampler
from tf_smallgan.training.checkpoint_files import find_checkpoint
from tf_smallgan.training.state import restore_average, restore_generator
from tf_smallgan.workdir import Workdir


def _write(path, arrays) -> str:
    path.write_bytes(archive_of(arrays))
    return str(path)


def _restored(workdir):
    config = defaults.with_defaults(
        config_lib.parse([f"--workdir={workdir}"], config_lib.SAMPLE)
    )
    spec = defaults.model_spec(config)
    path = find_checkpoint(Workdir(str(workdir)).checkpoints)
    return spec, path, restore_average(spec, path)[0]


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deep")
    state = deep_state()
    source = _write(folder / "pytorch_model.bin", state)
    import_weights([source], "hf", str(folder / "run"))
    return folder / "run", state


@pytest.fixture(scope="module")
def residual(tmp_path_factory):
    folder = tmp_path_factory.mktemp("residual")
    states = residual_states()
    for name, state in zip(("G_ema.pth", "D.pth"), states):
        _write(folder / name, state)
    import_weights([str(folder)], "biggan_pytorch", str(folder / "run"))
    return folder / "run", *states


def test_flags_describe_the_deep_generator(deep):
    spec, _, generator = _restored(deep[0])
    assert (spec.architecture, spec.resolution) == ("biggan_deep", 128)
    assert (spec.channel_multiplier, spec.latent_dim) == (CH, LATENT)
    assert (spec.num_classes, spec.class_embedding_dim) == (CLASSES, EMBEDDING)
    assert spec.epsilon == 1e-4 and not spec.generator_spectral
    assert spec.statistics_truncations[:3] == (0.0, 0.02, 0.04)
    assert len(spec.statistics_truncations) == ROWS
    assert generator.last_norm.statistics.epsilon == 1e-4


def test_kernels_are_divided_by_the_norm_that_the_file_implies(deep):
    _, _, generator = _restored(deep[0])
    name = "generator.layers.1.conv_1"
    kernel = deep[1][f"{name}.weight_orig"]
    matrix = kernel.reshape(len(kernel), -1)
    sigma = deep[1][f"{name}.weight_u"] @ matrix @ deep[1][f"{name}.weight_v"]
    ours = generator.blocks[1].conv2.weight.normalized(training=False)
    np.testing.assert_allclose(
        ours, kernel.transpose(2, 3, 1, 0) / sigma, rtol=1e-4, atol=1e-6
    )


def test_conditions_change_places(deep):
    _, _, generator = _restored(deep[0])
    name = "generator.layers.0.bn_0.scale"
    state = {k.removeprefix(name): v for k, v in deep[1].items() if k.startswith(name)}
    kernel = state[".weight_orig"]
    kernel = kernel / (state[".weight_u"] @ kernel @ state[".weight_v"])
    ours = generator.blocks[0].norm1.gain.weight.kernel.numpy()
    np.testing.assert_allclose(ours[:EMBEDDING], kernel[:, LATENT:].T, rtol=1e-3)
    np.testing.assert_allclose(ours[EMBEDDING:], kernel[:, :LATENT].T, rtol=1e-3)


@pytest.mark.parametrize(("truncation", "row"), [(1.0, 50), (0.3, 15), (0.02, 1)])
def test_sampling_takes_the_row_of_its_truncation(deep, truncation, row):
    spec, _, generator = _restored(deep[0])
    Sampler(generator, spec, truncation=truncation, batch_size=2, standing_batches=1)
    expected = deep[1]["generator.bn.running_means"][row]
    found = generator.last_norm.statistics.moving_mean
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_statistics_that_were_brought_end_at_truncation_1(deep):
    spec, _, generator = _restored(deep[0])
    with pytest.raises(InputError, match="statistics, which end at truncation 1"):
        Sampler(generator, spec, rule="scale", truncation=1.2)


def test_commands_refuse_them_beyond_1_before_they_draw(deep):
    flags = (f"--workdir={deep[0]}", "--truncation_rule=scale")
    with pytest.raises(InputError, match="--truncation=1.2: this generator brings"):
        run_here(sample, *flags, "--truncation=1.2")
    with pytest.raises(InputError, match="--truncations=1.2: this generator brings"):
        run_here(evaluate, *flags, "--truncations=1,1.2")


def test_between_two_rows_the_nearer_weighs_more(deep):
    _, _, generator = _restored(deep[0])
    standing.use_table(generator, 0.305)
    rows = deep[1]["generator.bn.running_means"]
    np.testing.assert_allclose(
        generator.last_norm.statistics.moving_mean,
        0.75 * rows[15] + 0.25 * rows[16],
        rtol=1e-4,
        atol=1e-6,
    )


def test_sample_draws_from_an_imported_workdir(deep, tmp_path):
    arguments = [f"--workdir={deep[0]}", f"--out={tmp_path}/a.npz", "--count=3"]
    grids.write_samples(config_lib.parse(arguments, config_lib.SAMPLE))
    with np.load(tmp_path / "a.npz") as file:
        images = next(array for array in file.values() if array.ndim == 4)
    assert images.shape == (3, 128, 128, 3)
    assert images.std() > 1 and images.std(0).max() > 1


def test_an_import_has_averaged_weights_alone(deep):
    spec, path, _ = _restored(deep[0])
    with pytest.raises(InputError, match="was imported.*--weights=average"):
        restore_generator(spec, path, "trained")


def test_residual_networks_come_with_their_discriminator(residual):
    workdir, g, d = residual
    spec, path, generator = _restored(workdir)
    assert (spec.architecture, spec.resolution) == ("biggan", 32)
    assert (spec.latent_dim, spec.skip_latents) == (8, True)
    np.testing.assert_allclose(
        generator.blocks[1].norm2.statistics.moving_variance,
        g["blocks.1.0.bn2.stored_var"],
        rtol=1e-6,
    )
    discriminator = build_discriminator(spec)
    checkpoint = tf.train.Checkpoint(discriminator=discriminator)
    checkpoint.restore(path).expect_partial().assert_existing_objects_matched()
    np.testing.assert_allclose(discriminator.linear.bias, d["linear.bias"], rtol=1e-6)


def test_the_first_layer_changes_its_order_of_channels(residual):
    workdir, g, _ = residual
    _, _, generator = _restored(workdir)
    bias = g["linear.bias"].reshape(4 * CH, 4, 4).transpose(1, 2, 0)
    np.testing.assert_allclose(
        generator.first.bias.numpy().reshape(4, 4, -1), bias, rtol=1e-6
    )


def test_a_norm_is_one_power_iteration_from_the_vector_in_the_file(residual):
    workdir, g, _ = residual
    _, _, generator = _restored(workdir)
    kernel, u = g["blocks.0.0.conv_sc.weight"], g["blocks.0.0.conv_sc.u0"][0]
    matrix = kernel[:, :, 0, 0]
    v = u @ matrix / np.linalg.norm(u @ matrix)
    expected = matrix.T / np.linalg.norm(matrix @ v)
    ours = generator.blocks[0].shortcut.weight.kernel.numpy()[0, 0]
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


def test_a_generator_alone_is_enough(tmp_path):
    source = _write(tmp_path / "G.pth", residual_states()[0])
    config = import_weights(
        [source], "biggan_pytorch", str(tmp_path / "run"), "cifar10"
    )
    assert config.data.dataset == "cifar10"
    assert _restored(tmp_path / "run")[0].num_classes == CLASSES


def test_a_workdir_in_use_is_left_alone(deep):
    with pytest.raises(InputError, match="holds checkpoints already"):
        import_weights([str(deep[0].parent)], "hf", str(deep[0]))


def _broken(change):
    state = deep_state()
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("generator.bn.bias"), "lacks generator.bn.bias"),
        (lambda s: s.update({"more.bias": np.ones(2)}), "1 arrays.*more.bias"),
        (
            lambda s: s.update({"generator.bn.bias": np.full(CH, np.nan)}),
            "generator.bn.bias is not finite",
        ),
        (
            lambda s: s.update({"generator.bn.bias": np.ones(CH + 1)}),
            r"generator.bn.bias has the shape \(5,\).*needs \(4,\)",
        ),
        (
            lambda s: s.pop("generator.layers.10.conv_0.weight_orig"),
            "has 9 blocks.*has \\[10, 12, 14\\]",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_nothing_written(
    tmp_path, change, message
):
    source = _write(tmp_path / "a.bin", _broken(change))
    with pytest.raises(InputError, match=message):
        import_weights([source], "hf", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_pair_that_does_not_belong_together_is_refused(tmp_path):
    g, d = residual_states()
    d["embed.weight"] = np.ones((CLASSES + 1, 4 * CH))
    sources = [_write(tmp_path / "g", g), _write(tmp_path / "d", d)]
    with pytest.raises(InputError, match="discriminator with 4 classes.*asks for 3"):
        import_weights(sources, "biggan_pytorch", str(tmp_path / "run"))
    with pytest.raises(InputError, match="0 are generators and 1 discriminators"):
        import_weights(sources[1:], "biggan_pytorch", str(tmp_path / "run"))


def test_the_command_says_what_is_wrong_in_a_line(tmp_path):
    command = [sys.executable, "-m", "tf_smallgan.import_weights", "--format=hf"]
    command += [f"--source={tmp_path}", f"--workdir={tmp_path}/run"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "is a folder without pytorch_model.bin" in result.stderr
    assert "Traceback" not in result.stderr


class _Attending:
    """As a state of five blocks with attention after the blocks named."""

    source = "D.pth"

    def __init__(self, *blocks):
        self._gammas = {f"blocks.{block}.1.gamma" for block in blocks}

    def __contains__(self, name):
        return name in self._gammas

    def count(self, _):
        return 4


def test_both_networks_name_attention_in_one_order():
    generator = biggan_pytorch._generator_attention(_Attending(1, 2))
    discriminator = biggan_pytorch._discriminator_attention(_Attending(0, 1), 64)
    assert generator == discriminator == [16, 32]
