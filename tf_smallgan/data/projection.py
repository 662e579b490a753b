"""Features to fewer dimensions, by a seeded random matrix."""

import numpy as np


def projection(features: int, dimensions: int, seed: int) -> np.ndarray:
    """Gaussian [F, E] / sqrt(E), which keeps squared distances on average.

    Johnson and Lindenstrauss, 1984. RandomState, because NumPy promises that
    its stream never changes.
    """
    gaussian = np.random.RandomState(seed).standard_normal((features, dimensions))
    return (gaussian / np.sqrt(dimensions)).astype(np.float32)


def project(features: np.ndarray, dimensions: int, seed: int) -> np.ndarray:
    """[B, F] to [B, E]; unchanged where F <= E."""
    features = np.asarray(features, np.float32)
    if features.shape[1] <= dimensions:
        return features
    return features @ projection(features.shape[1], dimensions, seed)
