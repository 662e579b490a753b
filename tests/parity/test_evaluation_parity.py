"""The evaluation's maths against that of the PyTorch tools, on the same features.

Each is skipped where its package is not installed: PyTorch (extra `parity`), and
pytorch-fid or torch-fidelity, which both bring torchvision.
"""

import numpy as np
import pytest

from tf_smallgan.evaluation import frechet
from tf_smallgan.evaluation.classifier_score import classifier_score
from tf_smallgan.evaluation.frechet import Moments
from tf_smallgan.evaluation.kernel import kernel_distance


def features(seed: int, count: int = 800, dim: int = 64) -> np.ndarray:
    """[count, dim] float32, non-negative as pool features are."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, dim)) * np.logspace(0, -2, dim) + 0.1 * seed
    return np.maximum(values, 0).astype(np.float32)


def test_frechet_distance_is_pytorch_fids():
    pytest.importorskip("torch", reason="PyTorch is not installed (extra parity)")
    fid_score = pytest.importorskip(
        "pytorch_fid.fid_score", reason="pytorch-fid is not installed"
    )
    x, y = (features(seed).astype(np.float64) for seed in (1, 2))
    expected = fid_score.calculate_frechet_distance(
        x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False)
    )
    found = frechet.frechet_distance(Moments.of(x).gaussian(), Moments.of(y).gaussian())
    assert found == pytest.approx(expected, rel=1e-3)


@pytest.fixture
def torch_fidelity():
    """The package's modules."""
    pytest.importorskip("torch", reason="PyTorch is not installed (extra parity)")
    return pytest.importorskip(
        "torch_fidelity", reason="torch-fidelity is not installed"
    )


def test_frechet_distance_is_torch_fidelitys(torch_fidelity):
    from torch_fidelity import metric_fid

    x, y = (features(seed).astype(np.float64) for seed in (1, 2))
    statistics = [
        {"mu": values.mean(0), "sigma": np.cov(values, rowvar=False)}
        for values in (x, y)
    ]
    expected = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    found = frechet.frechet_distance(Moments.of(x).gaussian(), Moments.of(y).gaussian())
    name = "frechet_inception_distance"
    assert found == pytest.approx(expected[name], rel=1e-3)


def test_kernel_distance_is_torch_fidelitys(torch_fidelity):
    import torch
    from torch_fidelity import metric_kid

    x, y = features(1), features(2)
    # Its subsets are random and ours are blocks: whole sets are the same for both.
    expected = metric_kid.kid_features_to_metric(
        torch.from_numpy(x),
        torch.from_numpy(y),
        kid_subsets=1,
        kid_subset_size=len(x),
        kid_degree=3,
        kid_gamma=None,
        kid_coef0=1,
        rng_seed=0,
        verbose=False,
    )
    found = kernel_distance(x, y)
    mean = expected["kernel_inception_distance_mean"]
    assert abs(found.value - mean) < 4 * found.standard_error + 1e-3 * mean


def test_score_is_torch_fidelitys(torch_fidelity):
    import torch
    from torch_fidelity import metric_isc

    logits = np.random.default_rng(0).normal(size=(500, 10)).astype(np.float32) * 2
    expected = metric_isc.isc_features_to_metric(
        torch.from_numpy(logits), splits=10, shuffle=False
    )
    found = classifier_score(logits)
    mean = expected["inception_score_mean"]
    assert found.split_mean == pytest.approx(mean, rel=1e-3)
