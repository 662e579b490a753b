"""Selection as a Keras layer, for this project's models and anyone else's."""

import keras
import tensorflow as tf

from tf_smallgan.coreset.methods import check_method, select, weighted_select
from tf_smallgan.errors import InputError


@keras.saving.register_keras_serializable(package="tf_smallgan")
class CoresetSelection(keras.layers.Layer):
    """Keeps the rows that a core-set of the points consists of.

    `layer(points)` gives the chosen points; `layer(points, a, b)` the chosen rows
    of `a` and `b`, whatever follows their first axis. To get the indices
    themselves, pass `tf.range(N)` along. There are no weights to train, and
    gradients flow through the rows but not through the choice.

    Args:
        k: how many rows to keep.
        method: a key of `METHODS`; the paper's when not given, not that of training.
        weights: whether those of `weighted_select` are returned after the rows.
        seed: what random methods draw from where the call gives no seed; they then
            draw alike at every call.
        **kwargs: `name`, `dtype` and what else a Keras layer takes.

    Raises:
        InputError: for an unknown method or k below 1.
    """

    def __init__(
        self,
        k: int,
        method: str = "k_center",
        weights: bool = False,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        # Rows pass through as they are: integers stay integers, and no precision
        # policy rounds points before distances are taken.
        super().__init__(autocast=False, **kwargs)
        check_method(method)
        if k < 1:
            raise InputError(f"k is {k}, but at least 1 point must be selected.")
        self.k = k
        self.method = method
        self.return_weights = weights
        self.seed = seed

    def call(
        self,
        points: tf.Tensor,
        *tensors: tf.Tensor,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor | tuple[tf.Tensor, ...]:
        """Selects by `points [N, D]` and gathers.

        Args:
            points: [N, D] of a static shape.
            *tensors: each [N, ...].
            seed: [2] integers for the random methods, such as (seed, step).

        Returns:
            The chosen rows [k, ...] of each tensor, or of the points where there is
            none, then the weights [k] where asked for: a tuple, or the tensor
            itself where there is one only.

        Raises:
            InputError: as `select` does, and for a tensor of another length.
        """
        for tensor in tensors:
            if tensor.shape[0] != points.shape[0]:
                raise InputError(
                    f"a tensor of shape {tensor.shape} has not one row for each of "
                    f"the {points.shape[0]} points."
                )
        if seed is None:
            seed = tf.constant([self.seed, 0], tf.int32)
        weights = None
        if self.return_weights:
            indices, weights = weighted_select(self.method, points, self.k, seed)
        else:
            indices = select(self.method, points, self.k, seed)
        rows = [tf.gather(tensor, indices) for tensor in tensors or (points,)]
        if weights is not None:
            rows.append(weights)
        return rows[0] if len(rows) == 1 else tuple(rows)

    def get_config(self) -> dict[str, object]:
        """What rebuilds the layer."""
        return {
            **super().get_config(),
            "k": self.k,
            "method": self.method,
            "weights": self.return_weights,
            "seed": self.seed,
        }
