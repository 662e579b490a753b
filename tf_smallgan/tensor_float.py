"""Products in whole float32 where figures are compared."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def whole_float32() -> Iterator[None]:
    """Keeps GPUs from rounding the factors of float32 products to ten bits (TF32).

    Within it, or in a function that it decorates. Training may have them rounded,
    which is faster; images that are compared with an export's, and features that are
    compared with another program's, may not.
    """
    options = tf.config.experimental
    before = options.tensor_float_32_execution_enabled()
    options.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        options.enable_tensor_float_32_execution(before)
