"""SNGAN-ResNet (Miyato et al. 2018, appendix B; Miyato & Koyama 2018).

Spectral norm is in D alone; there is no attention. Blocks of D other than the first
are as wide inside as their inputs. Labels enter G by a table of gains and biases in
each batch norm, and D by projection.
"""

import keras

from tf_smallgan.models import biggan


@keras.saving.register_keras_serializable("tf_smallgan.sngan")
class Generator(biggan.Generator):
    """As `biggan.Generator`, with SNGAN's row of the tables; 32, 64 or 128 px."""

    architecture = "sngan"


@keras.saving.register_keras_serializable("tf_smallgan.sngan")
class Discriminator(biggan.Discriminator):
    """As `biggan.Discriminator`, with SNGAN's row of the tables."""

    architecture = "sngan"
