"""The networks."""

from tf_smallgan.models import biggan, biggan_deep, sagan, sngan

__all__ = ["biggan", "biggan_deep", "sagan", "sngan"]
