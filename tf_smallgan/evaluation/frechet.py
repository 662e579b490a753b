"""Frechet distance between two sets of features (Heusel et al. 2017).

    d^2 = |m1 - m2|^2 + Tr(C1) + Tr(C2) - 2 Tr((C1 C2)^(1/2))

The root's trace is tensorflow-gan's. It sets eigenvalues below 1e-10 aside, as if
features were of size one, and takes roots of what rounding left in place of zeros.
Both are avoided here without changing what is computed: the matrices are scaled
(the distance is quadratic in the features' scale), and the problem is restricted to
the range of one of them, outside of which the product is zero.
"""

import numpy as np
import tensorflow as tf

from tf_smallgan.errors import InputError
from tf_smallgan.evaluation.moments import Gaussian, Moments
from tf_smallgan.gan_library import tfgan

LEAST_CLASS_POINTS = 20
_WORKING_TRACE = 1e3


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Squared Frechet distance of two normal distributions.

    Args:
      first, second: of features of D dimensions; the covariances may be singular,
        as they are where there were no more samples than dimensions.

    Raises:
      InputError: dimensions differ.
    """
    if len(first.mean) != len(second.mean):
        raise InputError(
            f"Features of {len(first.mean)} and {len(second.mean)} dimensions cannot "
            "be compared; both must come from the same network."
        )
    covariances = first.covariance, second.covariance
    trace = sum(float(np.trace(c)) for c in covariances)
    means = float(np.square(first.mean - second.mean).sum())
    # Rounding may leave a hair below zero where the two are equal.
    return max(means + trace - 2 * trace_sqrt_product(*covariances), 0.0)


def trace_sqrt_product(first: np.ndarray, second: np.ndarray) -> float:
    """Tr((first second)^(1/2)) of symmetric [D, D] without negative eigenvalues."""
    size = np.sqrt(np.trace(first)) * np.sqrt(np.trace(second))
    if size == 0:
        return 0.0
    if not _has_full_range(second):
        basis = _range_of(second)
        first, second = basis.T @ first @ basis, basis.T @ second @ basis
    scale = _WORKING_TRACE / size
    root = tfgan.eval.classifier_metrics.trace_sqrt_product(
        tf.constant(first * scale), tf.constant(second * scale)
    )
    return float(root) / scale


def _has_full_range(matrix: np.ndarray) -> bool:
    """Whether no eigenvalue is zero up to rounding; by Cholesky, since it is quick."""
    least = np.linalg.norm(matrix) * len(matrix) * np.finfo(np.float64).eps
    shifted = matrix.copy()
    np.einsum("ii->i", shifted)[:] -= least
    try:
        np.linalg.cholesky(shifted)
    except np.linalg.LinAlgError:
        return False
    return True


def _range_of(matrix: np.ndarray) -> np.ndarray:
    """[D, R] orthonormal columns that span the range of symmetric [D, D]."""
    values, vectors = np.linalg.eigh(matrix)
    least = values[-1] * len(values) * np.finfo(np.float64).eps
    return vectors[:, values > least]


def frechet_distance_of_points(first: np.ndarray, second: np.ndarray) -> float:
    """The same distance from few points [N, D], [M, D]: cost follows N and M, not D.

    With centred points X, Y the covariances are X'X / (N - 1) and Y'Y / (M - 1), and
    the root's trace is the sum of the singular values of X Y', over
    ((N - 1)(M - 1))^(1/2).
    """
    if min(len(first), len(second)) < 2:
        raise InputError(
            f"A Frechet distance needs at least 2 points a side; there are "
            f"{len(first)} and {len(second)}."
        )
    if max(len(first), len(second)) > first.shape[1]:
        return frechet_distance(
            Moments.of(first).gaussian(), Moments.of(second).gaussian()
        )
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    means = np.square(x.mean(0) - y.mean(0)).sum()
    x = (x - x.mean(0)) / np.sqrt(len(x) - 1)
    y = (y - y.mean(0)) / np.sqrt(len(y) - 1)
    products = x @ y.T
    # Singular values by the smaller Gram matrix: several times quicker than an SVD.
    gram = products @ products.T if len(x) < len(y) else products.T @ products
    root = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0)).sum()
    return max(float(means + np.square(x).sum() + np.square(y).sum() - 2 * root), 0.0)


def class_frechet_distances(
    first: np.ndarray,
    first_labels: np.ndarray,
    second: np.ndarray,
    second_labels: np.ndarray,
    least: int = LEAST_CLASS_POINTS,
) -> dict[int, float]:
    """Frechet distance within each class that has enough points on both sides.

    Args:
      first, second: features [N, D] and [M, D].
      first_labels, second_labels: [N] and [M].
      least: points a class must have on each side; with few points a distance
        says how many there were more than how alike they are.

    Returns:
      Distance by class.
    """
    distances = {}
    for label in np.intersect1d(first_labels, second_labels):
        x, y = first[first_labels == label], second[second_labels == label]
        if min(len(x), len(y)) >= least:
            distances[int(label)] = frechet_distance_of_points(x, y)
    return distances
