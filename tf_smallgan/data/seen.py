"""What share of the images was ever trained on: a core-set may pass some over."""

import numpy as np


class SeenRecords:
    """A bit for each record."""

    def __init__(self, num_images: int):
        """Nothing is seen yet."""
        self._seen = np.zeros(num_images, bool)

    def add(self, index: np.ndarray) -> None:
        """Marks record numbers of any shape, a batch's `index`."""
        self._seen[np.asarray(index).ravel()] = True

    @property
    def fraction(self) -> float:
        """Records seen over all records."""
        return float(self._seen.mean())

    def to_bytes(self) -> bytes:
        """The bits, for a checkpoint."""
        return np.packbits(self._seen).tobytes()

    def restore(self, packed: bytes) -> None:
        """Takes up what `to_bytes` gave for as many records.

        Raises:
          ValueError: it is of another number of records.
        """
        expected = (len(self._seen) + 7) // 8
        if len(packed) != expected:
            raise ValueError(
                f"{len(packed)} bytes do not hold {len(self._seen)} bits; expected "
                f"{expected} bytes"
            )
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=len(self._seen))
        self._seen = bits.astype(bool)
