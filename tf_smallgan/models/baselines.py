"""The baselines of BigGAN's ablation: SAGAN and SNGAN-ResNet.

SAGAN (Zhang et al. 2019) is BigGAN's blocks at SAGAN's width, attention at 32 px and
spectral norm in both networks. SNGAN-ResNet (Miyato et al. 2018, appendix B; Miyato &
Koyama 2018) has spectral norm in D alone and no attention; blocks of D other than the
first are as wide inside as their inputs. In both, each conditional batch norm has a
table of gains and biases per class, and the latent enters the first layer alone;
`shared_embedding` and `skip_latents` add BigGAN's two changes one by one (BigGAN,
table 1). Sizes: 32, 64 and 128 px.
"""

import keras

from tf_smallgan.models import biggan

_register = keras.saving.register_keras_serializable


@_register("tf_smallgan.sagan", "Generator")
class SaganGenerator(biggan.Generator):
    """`biggan.Generator` with SAGAN's row of the tables."""

    architecture = "sagan"


@_register("tf_smallgan.sagan", "Discriminator")
class SaganDiscriminator(biggan.Discriminator):
    """`biggan.Discriminator` with SAGAN's row of the tables."""

    architecture = "sagan"


@_register("tf_smallgan.sngan", "Generator")
class SnganGenerator(biggan.Generator):
    """`biggan.Generator` with SNGAN's row of the tables."""

    architecture = "sngan"


@_register("tf_smallgan.sngan", "Discriminator")
class SnganDiscriminator(biggan.Discriminator):
    """`biggan.Discriminator` with SNGAN's row of the tables."""

    architecture = "sngan"
