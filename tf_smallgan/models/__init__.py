"""The networks: BigGAN, BigGAN-deep and their baselines, as Keras models."""

from tf_smallgan.models import baselines, biggan, biggan_deep

__all__ = ["baselines", "biggan", "biggan_deep"]
