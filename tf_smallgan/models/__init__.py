"""The networks."""

from tf_smallgan.models import biggan

__all__ = ["biggan"]
