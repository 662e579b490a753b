"""Streaming moments equal those of all points at once."""

import numpy as np
import pytest

from tf_smallgan.errors import InputError
from tf_smallgan.evaluation import frechet as moments_lib
from tf_smallgan.evaluation.frechet import Moments


@pytest.fixture(autouse=True, params=[1, 100, 1024])
def join_at(request, monkeypatch):
    """However many vectors are waited for."""
    monkeypatch.setattr(moments_lib, "_JOIN_AT", request.param)


def points(count: int = 500, dim: int = 7, offset: float = 0.0) -> np.ndarray:
    """[count, dim] float32, correlated."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)) + offset
    return values.astype(np.float32)


def assert_equal_to_batch(moments: Moments, values: np.ndarray) -> None:
    values = values.astype(np.float64)
    found = moments.gaussian()
    np.testing.assert_allclose(found.mean, values.mean(0), rtol=1e-12)
    expected = np.cov(values, rowvar=False)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-9, atol=1e-12)
    assert moments.count == len(values)


@pytest.mark.parametrize("sizes", [(500,), (1, 499), (64,) * 7 + (52,), (0, 250, 250)])
def test_streaming_is_batch(sizes):
    values, moments = points(), Moments.empty(7)
    for part in np.split(values, np.cumsum(sizes)[:-1]):
        moments.append(part)
    assert_equal_to_batch(moments, values)


def test_a_large_offset_costs_no_digits():
    values, moments = points(offset=1e4), Moments.empty(7)
    for part in np.array_split(values, 9):
        moments.append(part)
    assert_equal_to_batch(moments, values)


def test_by_hand():
    moments = Moments.empty(1)
    moments.append(np.array([[1.0]]))
    moments.append(np.array([[3.0]]))
    assert moments.gaussian().mean == [2.0]
    assert moments.gaussian().covariance == [[2.0]]


def test_bad_input_is_named():
    moments = Moments.empty(2)
    with pytest.raises(InputError, match=r"\[3, 1\]; expected \[N, 2\]"):
        moments.append(np.zeros((3, 1)))
    with pytest.raises(InputError, match="NaN or infinite"):
        moments.append(np.array([[0.0, np.nan]]))
    with pytest.raises(InputError, match="at least 2 vectors; there are 0"):
        moments.gaussian()
