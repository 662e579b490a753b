"""The logged singular values are those of the kernels."""

import numpy as np

from tests.training.test_step import SPEC, _training
from tf_smallgan.models.spectral_norm import kernels_of
from tf_smallgan.training.monitor import largest, spectrum_reader
from tf_smallgan.training.state import build_state


def test_every_kernel_has_a_name_and_a_value_and_the_largest_is_told():
    state = build_state(SPEC, _training(), seed=0)
    read = spectrum_reader({"discriminator": state.discriminator})
    kernels = [k for k in kernels_of(state.discriminator) if k.right is not None]
    first = state.discriminator.block0.conv1.weight.kernel
    first.assign(7.0 * first)
    values = read()
    expected = [float(kernel.sigma(training=False)) for kernel in kernels]
    np.testing.assert_allclose(sorted(values.values()), sorted(expected), rtol=1e-5)
    assert values["spectral/discriminator/block0/conv1"] == max(values.values())
    assert largest(values) == {"spectral/discriminator_max": max(values.values())}
