"""Networks without images: points of a prior to points of the plane, and to logits."""

import math
from typing import Any

import keras
import tensorflow as tf
from keras.initializers import RandomUniform, VarianceScaling


class Perceptron(keras.Model):
    """Dense layers with an activation between, He-initialised.

    A unit of the first layer tells points apart across its hinge: where its argument
    is 0. With zero biases all hinges meet in the origin, and a network of points of
    the plane takes thousands of steps to tell apart what lies in one direction. The
    first layer's biases are therefore spread, so that the hinges lie across the inputs.

    Args:
      inputs: size of a point.
      hidden: sizes of the hidden layers.
      outputs: size of the result.
      reach: how far from 0 the inputs go, in their unit.
      gain: of the first layer's kernel, over He's.
      first_activation: of the first layer; the others have ReLU. With "tanh", `gain`
        makes its units steep, and fine structure is learned faster.
      input_unit: inputs are divided by it.
      output_unit: outputs are multiplied by it.
    """

    def __init__(
        self,
        inputs: int,
        hidden: tuple[int, ...],
        outputs: int,
        reach: float = 0.0,
        gain: float = 1.0,
        first_activation: str = "relu",
        input_unit: float = 1.0,
        output_unit: float = 1.0,
        **more: Any,
    ):
        super().__init__(**more)
        spread = gain * reach * math.sqrt(2 / inputs)
        first = keras.layers.Dense(
            hidden[0],
            activation=first_activation,
            kernel_initializer=VarianceScaling(2.0 * gain**2, "fan_in"),
            bias_initializer=RandomUniform(-spread, spread),
        )
        rest = [
            keras.layers.Dense(size, activation="relu", kernel_initializer="he_normal")
            for size in hidden[1:]
        ]
        layers = [first, *rest]
        self.stack = keras.Sequential([*layers, keras.layers.Dense(outputs)])
        self.stack.build((None, inputs))
        self.input_unit, self.output_unit = input_unit, output_unit
        self.built = True

    def call(self, points: tf.Tensor, labels: None = None, training: bool = False):
        """[N, inputs] to [N, outputs]; labels are taken for the step's sake."""
        del labels, training
        return self.output_unit * self.stack(points / self.input_unit)


class Critic(Perceptron):
    """A discriminator: points [N, inputs] to logits [N]."""

    def __init__(self, inputs: int, hidden: tuple[int, ...], **more: Any):
        super().__init__(inputs, hidden, 1, **more)

    def call(self, points: tf.Tensor, labels: None = None, training: bool = False):
        """[N, inputs] to [N]."""
        return super().call(points, labels, training)[:, 0]
