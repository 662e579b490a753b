"""Features to fewer dimensions, by a seeded random matrix."""

import numpy as np

_ROWS = 64


def projection(features: int, dimensions: int, seed: int) -> np.ndarray:
    """Gaussian [F, E] / sqrt(E), which keeps squared distances on average.

    Johnson and Lindenstrauss, 1984. RandomState, because NumPy promises that
    its stream never changes.
    """
    gaussian = np.random.RandomState(seed).standard_normal((features, dimensions))
    return (gaussian / np.sqrt(dimensions)).astype(np.float32)


def project(features: np.ndarray, dimensions: int, seed: int) -> np.ndarray:
    """[B, F] to [B, E]; unchanged where F <= E.

    In products of 64 rows, filled up: how a product is rounded depends on its shape,
    and nobody's features may depend on how many others come with them.
    """
    features = np.asarray(features, np.float32)
    count, size = features.shape
    if size <= dimensions:
        return features
    matrix = projection(size, dimensions, seed)
    filled = np.zeros((-(-count // _ROWS), _ROWS, size), np.float32)
    filled.reshape(-1, size)[:count] = features
    return np.concatenate([block @ matrix for block in filled])[:count]
