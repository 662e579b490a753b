"""Times greedy k-center against two other implementations, in one run.

    python -m benchmarks.selection

Each row: the median and the least time of `--repeats` selections, of new points
every time, by ours (called eagerly, compiled before), by the PyPI package
`k-center` (Rust; `pip install k-center`), and by NumPy with scikit-learn's
pairwise_distances at every pick, as active-learning code does it. All three are
checked to select the same, up to near-ties of float32. Ratios are of medians.
"""

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import app, flags
from sklearn.metrics import pairwise_distances

from tf_smallgan.coreset import greedy_k_center

try:
    import k_center
except ImportError:
    k_center = None

_REPEATS = flags.DEFINE_integer("repeats", 5, "Timed selections of each kind.", 1)
_SLOW = flags.DEFINE_boolean(
    "slow", False, "Whether to time scikit-learn on the largest row too (a minute)."
)

# N, k, D
_SIZES = [(1024, 128, 128), (2048, 256, 32), (16384, 2048, 120)]
_SLOW_FROM_PICKED = 2**24

Select = Callable[[np.ndarray, int], np.ndarray]


def ours(points: np.ndarray, k: int) -> np.ndarray:
    """[k] indices, from a NumPy array and back to one."""
    return greedy_k_center(tf.constant(points), k).numpy()


def by_package(points: np.ndarray, k: int) -> np.ndarray:
    """[k] indices by the package `k-center`, which also starts from point 0."""
    model = k_center.KCenter(n_clusters=k, random_state=None)
    return model.fit(points).center_indices_


def by_pairwise_distances(points: np.ndarray, k: int) -> np.ndarray:
    """[k] indices, one call of scikit-learn a pick."""
    chosen = [0]
    nearest = pairwise_distances(points, points[:1])[:, 0]
    while len(chosen) < k:
        chosen.append(int(nearest.argmax()))
        newest = pairwise_distances(points, points[chosen[-1:]])[:, 0]
        nearest = np.minimum(nearest, newest)
    return np.array(chosen)


def milliseconds(select: Select, batches: list[np.ndarray], k: int) -> np.ndarray:
    """The time of each batch but the first, which warms up."""
    times = []
    for points in batches:
        start = time.perf_counter()
        select(points, k)
        times.append(1e3 * (time.perf_counter() - start))
    return np.array(times[1:])


def contenders(n: int, k: int) -> dict[str, Select]:
    """What is timed at this size, ours first."""
    found: dict[str, Select] = {"ours": ours}
    if k_center is not None:
        found["k-center"] = by_package
    if _SLOW.value or n * k < _SLOW_FROM_PICKED:
        found["pairwise_distances"] = by_pairwise_distances
    return found


def row(n: int, k: int, d: int) -> None:
    """Prints one size's lines."""
    rng = np.random.default_rng(0)
    shape = (_REPEATS.value + 1, n, d)
    batches = list(rng.standard_normal(shape, dtype=np.float32))
    expected = ours(batches[0], k)
    median_of_ours = 0.0
    for name, select in contenders(n, k).items():
        same = np.mean(select(batches[0], k) == expected)
        times = milliseconds(select, batches, k)
        median = np.median(times)
        median_of_ours = median_of_ours or median
        print(
            f"{n:>6} {k:>5} {d:>4}  {name:<20} {median:>10.2f} {times.min():>10.2f} "
            f"{median / median_of_ours:>8.1f} {same:>7.1%}",
            flush=True,
        )


def main(_: list[str]) -> None:
    """Prints the table."""
    if k_center is None:
        print("The package k-center is not installed: pip install k-center")
    print(
        f"{'N':>6} {'k':>5} {'D':>4}  {'by':<20} {'median ms':>10} {'least ms':>10} "
        f"{'ratio':>8} {'same':>7}"
    )
    for size in _SIZES:
        row(*size)


if __name__ == "__main__":
    app.run(main)
