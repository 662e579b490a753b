"""Adam as one operation a variable.

Keras builds about 35 operations for each variable at each update; of a BigGAN's step
with two D updates these were a quarter of all, and each has to be traced.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` (Kingma and Ba 2015), its update by a single kernel.

        m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
        w <- w - rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)

    Without AMSGrad. Gradients of looked-up rows are made dense: also rows that were
    not looked up move, by their m.
    """

    def _backend_update_step(
        self,
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
        learning_rate: Any,
    ) -> None:
        rate = tf.cast(tf.convert_to_tensor(learning_rate), tf.float32)
        step = tf.cast(tf.convert_to_tensor(self.iterations) + 1, tf.float32)
        correction = tf.sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)
        none = tf.constant(0.0)
        # Tensors, of which every variable would else have its own.
        scalars = {
            "lr": rate * correction,
            # The kernel's own correction, turned off.
            "beta1_power": none,
            "beta2_power": none,
            "beta1": tf.constant(self.beta_1),
            "beta2": tf.constant(self.beta_2),
            "epsilon": tf.constant(self.epsilon),
        }
        super()._backend_update_step(grads, trainable_variables, scalars)

    def update_step(
        self, gradient: tf.Tensor, variable: Any, learning_rate: Any
    ) -> None:
        """Moves a variable; `learning_rate` is the scalars that its kernel takes."""
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            grad=tf.convert_to_tensor(gradient),
            **learning_rate,
        )
