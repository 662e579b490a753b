"""A generator for inference only: spectral norm and resampling folded in.

The folded generator computes what the live one computes, from fewer operations:
each kernel is divided by its singular value once, turned into the form that its
convolution multiplies by (see models/convolution.py) and cast to the compute type.
Batch norm reads its statistics from a table by truncation. It stays one multiplication
and one addition an activation: its gain depends on the example, so it cannot go into
a kernel.
"""

from collections.abc import Sequence

import keras

from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.models.convolution import Convolution
from tf_smallgan.models.factory import build_generator
from tf_smallgan.models.initializers import weights_follow
from tf_smallgan.models.spectral_norm import kernels_of

_TABLE_PREFIX = "table_"


def folded_copy(
    average: keras.Model, spec: ModelSpec, truncations: Sequence[float]
) -> keras.Model:
    """A folded copy of `average`.

    Its tables of statistics are empty, unless `average` has tables of its own.

    Args:
      average: the live generator, spectral norm converged; left as it is.
      spec: what it was built from.
      truncations: rising grid of the tables.
    """
    with weights_follow():
        generator = build_generator(spec, truncations=truncations, name="exported")
    copy_weights(average, generator)
    for layer in generator._flatten_layers():
        if isinstance(layer, Convolution):
            layer.fold()
    for kernel in kernels_of(generator):
        kernel.fold()
    return generator


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies all variables, but tables of statistics that `source` lacks."""
    sources, targets = source.variables, target.variables
    if len(sources) != len(targets):
        targets = [v for v in targets if not v.name.startswith(_TABLE_PREFIX)]
    for new, old in zip(targets, sources, strict=True):
        new.assign(old)


def fold_biases(generator: keras.Model) -> None:
    """Folds a convolution's bias into the batch norm that reads it, exactly.

        (x + b) - mean = x - (mean - b)

    In the blocks of every architecture `norm{i + 1}` follows `conv{i}`. Called last:
    the tables no longer are the statistics of what the network computes.
    """
    for block in generator.blocks:
        number = 1
        while norm := getattr(block, f"norm{number + 1}", None):
            convolution = getattr(block, f"conv{number}")
            if convolution.bias is not None:
                means = norm.statistics.table_mean
                means.assign(means - convolution.bias)
                convolution.bias = None
            number += 1
