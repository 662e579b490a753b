"""Kernels divided by their largest singular value (Miyato et al. 2018).

    W_bar = W / sigma(W),   sigma(W) ~ v' W u,   v = |W u|,   u <- |W' v|

W is the kernel flattened to [fan_in, out]; |x| is x over its norm. One power
iteration a training call; u and v are constants of the gradient, sigma is not,
so the gradient flows through it. The raw kernel stays raw.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from tf_smallgan.models.initializers import Orthogonal, draw_seed

_EPSILON = 1e-12

# A kernel's id to its left and right vectors, where they are kept. Replicas of a
# mirrored strategy are threads with tensors of their own.
Vectors = dict[int, tuple[tf.Tensor, tf.Tensor]]
_thread = threading.local()


@contextlib.contextmanager
def iterate_once(vectors: Vectors | None = None) -> Iterator[Vectors]:
    """Within, a kernel iterates at its first training call and keeps the vectors.

    Later calls then have the same norm, and a gradient through it, without touching
    the state: the parts of an accumulated gradient, and recomputed activations.

    Args:
      vectors: those of an earlier such block, to go on with; by default those of the
        block around this one, or none yet.
    """
    outer = getattr(_thread, "vectors", None)
    if vectors is None:
        vectors = outer if outer is not None else {}
    _thread.vectors = vectors
    try:
        yield vectors
    finally:
        _thread.vectors = outer


def _unit(row: tf.Tensor) -> tf.Tensor:
    """A row [1, N] over its norm."""
    return row / (tf.sqrt(tf.matmul(row, row, transpose_b=True)) + _EPSILON)


def power_iteration(matrix: tf.Tensor, right: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One power iteration.

    Args:
      matrix: [M, N] float32.
      right: [N] float32, the estimate of the right singular vector.

    Returns:
      sigma, a scalar whose gradient for `matrix` is the outer product of the
      singular vectors, and the new estimate [N].
    """
    left, right = _iterated(matrix, right)
    return _sigma(matrix, left, right), right


# Rows [1, N] rather than vectors: a step does this a hundred times, and each product
# with a vector is three operations more to trace.
def _iterated(matrix: tf.Tensor, right: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The left vector [M] that goes with `right` [N], and the next right one [N]."""
    constant = tf.stop_gradient(matrix)
    left = _left(constant, right)
    following = _unit(tf.matmul(left, constant))
    return tf.reshape(left, [-1]), tf.reshape(following, [-1])


def _left(constant: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """The left vector as a row [1, M]."""
    return _unit(tf.matmul(tf.expand_dims(right, 0), constant, transpose_b=True))


def _sigma(matrix: tf.Tensor, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    image = tf.matmul(tf.expand_dims(tf.stop_gradient(left), 0), matrix)
    column = tf.expand_dims(tf.stop_gradient(right), 1)
    product = tf.matmul(image, column)
    return tf.reshape(product, [])


class Kernel(keras.layers.Layer):
    """A kernel [..., out], spectrally normalised unless told otherwise.

    Attributes:
      kernel: the raw weight.
      right: [out], the power iteration's vector; None without normalisation.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        spectral: bool = True,
        initializer: keras.initializers.Initializer | str | None = None,
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)
        self.spectral = spectral
        self.kernel = self.add_weight(
            shape=tuple(shape),
            initializer=initializer or Orthogonal(),
            dtype="float32",
            name="kernel",
        )
        self.right = self._add_right(int(shape[-1])) if spectral else None
        self.built = True

    def _add_right(self, size: int) -> keras.Variable:
        seed = draw_seed()
        # Every replica iterates on equal weights, so each keeps its own copy:
        # no communication, and a checkpoint takes the first.
        return keras.Variable(
            lambda shape, dtype: _unit(
                tf.random.stateless_normal([1, *shape], [seed, 1], dtype=dtype)
            )[0],
            shape=(size,),
            dtype="float32",
            trainable=False,
            synchronization="on_read",
            aggregation="only_first_replica",
            name="right_singular_vector",
        )

    def _matrix(self) -> tf.Tensor:
        weight = tf.convert_to_tensor(self.kernel)
        return tf.reshape(weight, [-1, weight.shape[-1]])

    def sigma(self, training: bool) -> tf.Tensor:
        """The largest singular value's estimate; iterates when training."""
        if self.right is None:
            return tf.ones([])
        matrix = self._matrix()
        if training:
            return _sigma(matrix, *self._training_vectors(matrix))
        right = tf.convert_to_tensor(self.right)
        left = _left(tf.stop_gradient(matrix), right)[0]
        return _sigma(matrix, left, right)

    def _training_vectors(self, matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Iterates, unless `iterate_once` keeps what was iterated."""
        kept: Vectors | None = getattr(_thread, "vectors", None)
        if kept is not None and id(self) in kept:
            return kept[id(self)]
        assert self.right is not None
        left, right = _iterated(matrix, tf.convert_to_tensor(self.right))
        self.right.assign(right)
        if kept is not None:
            kept[id(self)] = (left, right)
        return left, right

    def normalized(self, training: bool) -> tf.Tensor:
        """The kernel over its largest singular value, float32."""
        weight = tf.convert_to_tensor(self.kernel)
        return weight / self.sigma(training) if self.spectral else weight

    def converge(self, iterations: int = 20) -> None:
        """Iterates until the vector fits weights that were just set."""
        if self.right is None:
            return
        right = tf.convert_to_tensor(self.right)
        for _ in range(iterations):
            _, right = power_iteration(self._matrix(), right)
        self.right.assign(right)

    def fold(self) -> None:
        """Divides the kernel by its norm for good; for inference only."""
        self.kernel.assign(self.normalized(training=False))
        self.spectral, self.right = False, None

    def call(self, training: bool = False) -> tf.Tensor:
        return self.normalized(training)


def kernels_of(model: keras.Layer) -> list[Kernel]:
    """All kernels of a model, in the order in which they were made."""
    return [x for x in model._flatten_layers() if isinstance(x, Kernel)]
