"""SAGAN (Zhang et al. 2019), the baseline of BigGAN's ablation.

BigGAN's blocks at SAGAN's width, attention at 32 px, spectral norm in both networks;
each conditional batch norm has a table of gains and biases a class, and the latent
enters the first layer alone. `shared_embedding` and `skip_latents` add BigGAN's two
changes one by one (BigGAN, table 1).
"""

import keras

from tf_smallgan.models import biggan


@keras.saving.register_keras_serializable("tf_smallgan.sagan")
class Generator(biggan.Generator):
    """As `biggan.Generator`, with SAGAN's row of the tables; 32, 64 or 128 px."""

    architecture = "sagan"


@keras.saving.register_keras_serializable("tf_smallgan.sagan")
class Discriminator(biggan.Discriminator):
    """As `biggan.Discriminator`, with SAGAN's row of the tables."""

    architecture = "sagan"
