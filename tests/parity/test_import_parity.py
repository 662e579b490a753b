"""Imported networks against the PyTorch code that their files come from.

Needs PyTorch (the extra `parity`), and for each format its code, which is not ours:
the PyPI package pytorch-pretrained-biggan, and a checkout of ajbrock/BigGAN-PyTorch
named by TF_SMALLGAN_BIGGAN_PYTORCH. Weights, statistics and the vectors of spectral
norm are random: nothing has converged.
"""

import math
import os
import sys

import numpy as np
import pytest
import tensorflow as tf

from tf_smallgan import config as config_lib
from tf_smallgan.config import defaults
from tf_smallgan.import_weights import import_weights
from tf_smallgan.models.factory import build_discriminator
from tf_smallgan.training.checkpoint_files import find_checkpoint
from tf_smallgan.training.state import restore_average
from tf_smallgan.workdir import Workdir

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra parity)")
REPOSITORY = os.environ.get("TF_SMALLGAN_BIGGAN_PYTORCH", "")
needs_repository = pytest.mark.skipif(
    not REPOSITORY,
    reason="TF_SMALLGAN_BIGGAN_PYTORCH names no checkout of ajbrock/BigGAN-PyTorch",
)
CLASSES = 7
TOLERANCE = 1e-4


def _randomize(model, seed: int) -> None:
    """Other numbers for everything that a file holds, at a scale that survives."""
    generator = torch.Generator().manual_seed(seed)
    state = model.state_dict()
    for name, tensor in state.items():
        noise = torch.randn(tensor.shape, generator=generator)
        kind = name.split(".")[-1]
        if kind in ("weight_u", "weight_v", "u0"):
            continue
        if "var" in kind:
            value = 1 + noise.abs()
        elif "mean" in kind or kind == "bias":
            value = 0.1 * noise
        elif kind == "gamma":
            value = torch.full(tensor.shape, 0.7)
        elif tensor.dim() <= 1:
            value = 1 + 0.3 * noise
        else:
            value = noise / math.sqrt(math.prod(tensor.shape[1:]))
        tensor.copy_(value)
    _half_converge(state)


def _half_converge(state) -> None:
    """Sets the vectors of spectral norm to what two power iterations leave.

    Then norms are nearly right, as in a trained model, and still not converged.
    """
    for name, vector in state.items():
        kind = name.split(".")[-1]
        if kind not in ("weight_u", "u0"):
            continue
        matrix = name.removesuffix("_u") + "_orig"
        if kind == "u0":
            matrix = name.removesuffix("u0") + "weight"
        matrix = state[matrix].flatten(1)
        left = torch.ones(len(matrix))
        for _ in range(2):
            right = torch.nn.functional.normalize(left @ matrix, dim=0)
            left = torch.nn.functional.normalize(matrix @ right, dim=0)
        vector.copy_(left.reshape(vector.shape))
        if kind == "weight_u":
            state[name[:-1] + "v"].copy_(right)


def _restored(workdir):
    config = defaults.with_defaults(
        config_lib.parse([f"--workdir={workdir}"], config_lib.SAMPLE)
    )
    spec = defaults.model_spec(config)
    path = find_checkpoint(Workdir(str(workdir)).checkpoints)
    return spec, path, restore_average(spec, path)[0]


def _report(what: str, ours, theirs) -> None:
    ours, theirs = np.array(ours), theirs.numpy()
    if theirs.ndim == 4:
        theirs = theirs.transpose(0, 2, 3, 1)
    worst = np.abs(ours - theirs).max()
    print(f"{what}: maximum absolute difference {worst:.1e}, spread {theirs.std():.2f}")
    assert theirs.std() > 0.02  # Else there is nothing to compare.
    assert worst <= TOLERANCE


def _latents(size: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((3, size)).astype(np.float32)


LABELS = np.array([0, 3, 6], np.int32)


@pytest.fixture(scope="module", params=[128, 256, 512])
def deep(request, tmp_path_factory):
    """The package's model, and ours imported from its state dict."""
    package = pytest.importorskip(
        "pytorch_pretrained_biggan", reason="pytorch-pretrained-biggan is missing"
    )
    full = os.environ.get("TF_SMALLGAN_PARITY_FULL_SIZE") and request.param == 128
    ups = {128: (16, 8, 4, 2, 1), 256: (16, 8, 8, 4, 2, 1), 512: (16, 8, 8, 4, 2, 1, 1)}
    layers, width = [], 16
    for output in ups[request.param]:
        layers += [(False, width, width), (True, width, output)]
        width = output
    reach_64 = 8
    config = package.BigGANConfig.from_dict(
        {
            "output_dim": request.param,
            "channel_width": 128 if full else 8,
            "num_classes": CLASSES,
            "layers": layers,
            "attention_layer_position": reach_64,
        }
    )
    model = package.BigGAN(config).eval()
    _randomize(model, request.param)
    folder = tmp_path_factory.mktemp("deep")
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    import_weights([str(folder)], "hf", str(folder / "run"))
    return model, _restored(folder / "run")[2]


def _images_of_package(model, truncation: float):
    with torch.inference_mode():
        one_hot = torch.eye(CLASSES)[torch.from_numpy(LABELS).long()]
        return model(torch.from_numpy(_latents(128)), one_hot, truncation)


def _images_of_ours(generator, truncation: float):
    return generator(
        tf.constant(_latents(128)),
        tf.constant(LABELS),
        truncation=tf.fill([3], truncation),
    )


@pytest.mark.parametrize("truncation", [0.02, 0.4, 0.5, 1.0])
def test_deep_images_agree_on_the_grid(deep, truncation):
    model, generator = deep
    assert math.modf(truncation / (1 / 50))[0] == 0  # On the grid as they see it.
    theirs = _images_of_package(model, truncation)
    ours = _images_of_ours(generator, truncation)
    _report(f"{ours.shape[1]} px, truncation {truncation}", ours, theirs)


def test_between_two_rows_theirs_are_ours_from_the_other_side(deep):
    model, generator = deep
    theirs = _images_of_package(model, 0.505)
    _report("0.505 there, 0.515 here", _images_of_ours(generator, 0.515), theirs)
    nearer = np.abs(
        np.array(_images_of_ours(generator, 0.505))
        - theirs.numpy().transpose(0, 2, 3, 1)
    )
    assert nearer.max() > TOLERANCE


@pytest.fixture
def repository(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY)
    import BigGAN

    yield BigGAN
    for name in ("BigGAN", "layers", "sync_batchnorm"):
        sys.modules.pop(name, None)


RESIDUAL = {
    "32": {"resolution": 32, "dim_z": 16, "G_attn": "0", "D_attn": "0"},
    "32, table a norm": {
        "resolution": 32,
        "dim_z": 16,
        "G_shared": False,
        "hier": False,
        "G_attn": "0",
        "D_attn": "0",
        "mybn": True,
    },
    "64": {"resolution": 64, "dim_z": 20, "G_attn": "32", "D_attn": "32"},
    "64, attention twice": {
        "resolution": 64,
        "dim_z": 20,
        "G_attn": "16_32",
        "D_attn": "16_32",
    },
    "128": {"resolution": 128, "dim_z": 120, "shared_dim": 128},
    "256": {"resolution": 256, "dim_z": 140, "shared_dim": 128},
}


@needs_repository
@pytest.mark.parametrize("name", RESIDUAL)
def test_residual_networks_agree(name, repository, tmp_path):
    options = {"G_shared": True, "hier": True, "n_classes": CLASSES} | RESIDUAL[name]
    full = os.environ.get("TF_SMALLGAN_PARITY_FULL_SIZE") and name == "128"
    ch = 96 if full else 8
    theirs = repository.Generator(G_ch=ch, no_optim=True, **options).eval()
    critic = repository.Discriminator(D_ch=ch, **options).eval()
    for seed, (model, file) in enumerate(((theirs, "G_ema.pth"), (critic, "D.pth"))):
        _randomize(model, seed)
        torch.save(model.state_dict(), tmp_path / file)
    import_weights([str(tmp_path)], "biggan_pytorch", str(tmp_path / "run"))
    spec, path, generator = _restored(tmp_path / "run")
    discriminator = build_discriminator(spec)
    checkpoint = tf.train.Checkpoint(discriminator=discriminator)
    checkpoint.restore(path).expect_partial().assert_existing_objects_matched()
    latents, labels = _latents(spec.latent_dim), torch.from_numpy(LABELS).long()
    with torch.inference_mode():
        if options["G_shared"]:
            images = theirs(torch.from_numpy(latents), theirs.shared(labels))
        else:
            images = theirs(torch.from_numpy(latents), labels)
        logits = critic(images, labels)[:, 0]
    ours = generator(tf.constant(latents), tf.constant(LABELS))
    _report(f"generator {name}", ours, images)
    inputs = tf.constant(images.numpy().transpose(0, 2, 3, 1))
    scale = max(1.0, float(logits.abs().max()))
    _report(
        f"discriminator {name}, over {scale:.1f}",
        discriminator(inputs, tf.constant(LABELS)) / scale,
        logits / scale,
    )
