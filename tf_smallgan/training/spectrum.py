"""Top singular values of the layers, from the vectors that spectral norm keeps.

BigGAN (section 4.1) sees G's first ones grow before a collapse. They are those of the
raw kernels: what the forward pass divides by.
"""

from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from tf_smallgan.models.spectral_norm import Kernel

Values = dict[str, float]


def spectrum_reader(networks: dict[str, keras.Model]) -> Callable[[], Values]:
    """A function that gives `spectral/NETWORK/LAYER` to its singular value.

    Args:
      networks: by name; kernels that are not spectrally normalised are left out.
    """
    kernels = {
        f"spectral/{name}/{path}": kernel
        for name, network in networks.items()
        for path, kernel in _named_kernels(network)
        if kernel.right is not None
    }

    @tf.function(autograph=False)
    def read():
        return [kernel.sigma(training=False) for kernel in kernels.values()]

    def values() -> Values:
        return {name: float(value) for name, value in zip(kernels, read())}

    return values


def _named_kernels(layer: keras.Layer) -> Iterator[tuple[str, Kernel]]:
    """The kernels below a layer, by the attributes that lead there: `block0/conv1`.

    Variables' own paths will not do: all kernels are called alike in them.
    """
    for name, child in vars(layer).items():
        if isinstance(child, Kernel):
            yield "", child
        elif isinstance(child, keras.Layer):
            for rest, kernel in _named_kernels(child):
                yield f"{name}/{rest}".rstrip("/"), kernel


def largest(values: Values) -> Values:
    """`spectral/NETWORK_max`: the largest of each network."""
    found: Values = {}
    for name, value in values.items():
        network = "/".join(name.split("/")[:2]) + "_max"
        found[network] = max(value, found.get(network, value))
    return found
