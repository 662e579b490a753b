"""BigGAN and Small-GAN for TensorFlow 2 and Keras 3."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`load_generator`, imported late: the package alone does not load TensorFlow."""
    if name == "load_generator":
        from tf_smallgan.sampling.generators import load_generator

        return load_generator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
