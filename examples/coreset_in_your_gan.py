"""Core-sets in any Keras GAN: each batch is selected from four times as many.

python examples/coreset_in_your_gan.py [STEPS]
"""

import sys

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

from tf_smallgan.coreset import CoresetSelection

BATCH, LARGE, LATENT = 64, 256, 16

images = (load_digits().data / 8.0 - 1.0).astype(np.float32)  # [1797, 64] in [-1, 1]

layers = keras.layers
generator = keras.Sequential(
    [layers.Dense(128, "relu"), layers.Dense(128, "relu"), layers.Dense(64, "tanh")]
)
discriminator = keras.Sequential(
    [layers.Dense(128, "relu"), layers.Dense(128, "relu"), layers.Dense(1)]
)
generator_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
discriminator_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
select = CoresetSelection(BATCH, method="balanced")


@tf.function
def train_step(real: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One update of D and of G; real [LARGE, 64], seed [2]."""
    latents = tf.random.stateless_normal([LARGE, LATENT], seed)
    latents, real = select(latents, seed=seed), select(real, seed=seed + 1)
    with tf.GradientTape() as d_tape, tf.GradientTape() as g_tape:
        fake = generator(latents, training=True)
        on_real, on_fake = discriminator(real), discriminator(fake)
        d_loss = tf.reduce_mean(tf.nn.relu(1 - on_real) + tf.nn.relu(1 + on_fake))
        g_loss = -tf.reduce_mean(on_fake)
    for model, optimizer, tape, loss in (
        (discriminator, discriminator_optimizer, d_tape, d_loss),
        (generator, generator_optimizer, g_tape, g_loss),
    ):
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return d_loss, g_loss


if __name__ == "__main__":
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    data = tf.data.Dataset.from_tensor_slices(images).repeat().shuffle(2000)
    for step, large in enumerate(data.batch(LARGE).take(steps)):
        d_loss, g_loss = train_step(large, tf.constant([0, 2 * step]))
        if step % 200 == 0 or step == steps - 1:
            print(f"step {step}: D {d_loss:.3f}, G {g_loss:.3f}")
