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

from tf_smallgan import randomness
from tf_smallgan.models.initializers import Orthogonal, draw_seed

# A kernel's id to its left and right vectors, rows, where they are kept. Replicas of a
# mirrored strategy are threads with tensors of their own.
Vectors = dict[int, tuple[tf.Tensor, tf.Tensor]]
_thread = threading.local()

# Largest relative change of a singular value that stands still, float32's own, over so
# many iterations; and how often that many are made.
_CONVERGED, _AT_ONCE, _LEAST, _MOST = 1e-7, 10, 5, 100
# Of a random direction, over the estimate's length.
_MIXED_IN = 0.05


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


# Rows [1, N] rather than vectors, a norm [1, 1] and as few operations as there can be:
# a step does this a hundred times, and each operation has to be traced.
def _unit(row: tf.Tensor) -> tf.Tensor:
    """A row [1, N] over its norm; 0 stays 0."""
    return tf.math.divide_no_nan(row, tf.sqrt(tf.matmul(row, row, transpose_b=True)))


def _left(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """The left vector [1, M] that goes with `right` [1, N], a constant."""
    return _unit(tf.matmul(right, tf.stop_gradient(matrix), transpose_b=True))


def _iterated(
    matrix: tf.Tensor, right: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Sigma [1, 1], and the constant vectors [1, M] and [1, N] that it is of."""
    left = _left(matrix, right)
    image = tf.matmul(left, matrix)
    following = _unit(tf.stop_gradient(image))
    return tf.matmul(image, following, transpose_b=True), left, following


def _sigma(matrix: tf.Tensor, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Sigma [1, 1] of constant vectors [1, M] and [1, N]."""
    return tf.matmul(tf.matmul(left, matrix), right, transpose_b=True)


def power_iteration(matrix: tf.Tensor, right: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One power iteration.

    Args:
      matrix: [M, N] float32.
      right: [N] float32, the estimate of the right singular vector.

    Returns:
      sigma, a scalar whose gradient for `matrix` is the outer product of the
      singular vectors, and the new estimate [N].
    """
    sigma, _, following = _iterated(matrix, right[tf.newaxis])
    return tf.reshape(sigma, []), following[0]


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([None], tf.float32),
    ],
    autograph=False,
)
def _singular_vector(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """The right singular vector [N] of a matrix [M, N], from an estimate.

    A random direction is mixed in, always the same: an estimate that is nearly the
    second vector of these weights would stand still for long. Where the two largest
    values are within a part in a hundred, the second may be what is found.
    """

    def moves(
        right: tf.Tensor, sigma: tf.Tensor, before: tf.Tensor, times: tf.Tensor
    ) -> tf.Tensor:
        return (tf.abs(sigma - before) > _CONVERGED * sigma) | (times < _LEAST)

    def iterate(
        right: tf.Tensor, sigma: tf.Tensor, _: tf.Tensor, times: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        after = sigma
        for _ in range(_AT_ONCE):
            after, right = power_iteration(matrix, right)
        return right, after, sigma, times + 1

    other = randomness.normal(tf.shape(right), [0, 1])
    right = tf.math.l2_normalize(right) + _MIXED_IN * tf.math.l2_normalize(other)
    start = (right, tf.constant(1.0), tf.constant(float("-inf")), tf.constant(0))
    return tf.while_loop(moves, iterate, start, maximum_iterations=_MOST)[0]


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
                randomness.normal([1, *shape], [seed, 1], dtype)
            )[0],
            shape=(size,),
            dtype="float32",
            trainable=False,
            synchronization="on_read",
            aggregation="only_first_replica",
            name="right_singular_vector",
        )

    def _norm(self, weight: tf.Tensor, training: bool) -> tf.Tensor:
        """Sigma [1, 1] of the raw weight; iterates when training."""
        assert self.right is not None
        matrix = tf.reshape(weight, [-1, weight.shape[-1]])
        kept: Vectors | None = getattr(_thread, "vectors", None)
        if training and kept is not None and id(self) in kept:
            return _sigma(matrix, *kept[id(self)])
        right = tf.expand_dims(tf.convert_to_tensor(self.right), 0)
        if not training:
            return _sigma(matrix, _left(matrix, right), right)
        sigma, left, following = _iterated(matrix, right)
        self.right.assign(tf.squeeze(following, 0))
        if kept is not None:
            kept[id(self)] = (left, following)
        return sigma

    def sigma(self, training: bool) -> tf.Tensor:
        """The largest singular value's estimate, a scalar; iterates when training."""
        if self.right is None:
            return tf.ones([])
        weight = tf.convert_to_tensor(self.kernel)
        return tf.reshape(self._norm(weight, training), [])

    def normalized(self, training: bool) -> tf.Tensor:
        """The kernel over its largest singular value, float32."""
        weight = tf.convert_to_tensor(self.kernel)
        return weight / self._norm(weight, training) if self.spectral else weight

    def converge(self) -> None:
        """Iterates until the singular value of the weights as they are stands still."""
        if self.right is None:
            return
        weight = tf.convert_to_tensor(self.kernel)
        matrix = tf.reshape(weight, [-1, weight.shape[-1]])
        self.right.assign(_singular_vector(matrix, tf.convert_to_tensor(self.right)))

    def fold(self) -> None:
        """Divides the kernel by its norm for good; for inference only."""
        self.kernel.assign(self.normalized(training=False))
        self.spectral, self.right = False, None

    def call(self, training: bool = False) -> tf.Tensor:
        return self.normalized(training)


def converge(model: keras.Layer) -> None:
    """Fits every kernel's vector to weights that were not trained on, averaged ones.

    Until it stands still: a fixed number of iterations may leave a percent.
    """
    for kernel in kernels_of(model):
        kernel.converge()


def kernels_of(model: keras.Layer) -> list[Kernel]:
    """All kernels of a model, in the order in which they were made."""
    return [x for x in model._flatten_layers() if isinstance(x, Kernel)]
