"""Whose weights these are, in a few characters."""

import hashlib
from collections.abc import Iterable

import numpy as np


def fingerprint(arrays: Iterable[np.ndarray]) -> str:
    """16 hexadecimal digits that follow from the arrays' bytes, in their order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
