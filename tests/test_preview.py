"""Sample grids while training."""

import numpy as np
import tensorflow as tf

from tests.commands import SMOKE
from tf_smallgan import config as config_lib
from tf_smallgan.config import defaults
from tf_smallgan.sampling.grids import Preview
from tf_smallgan.training.logs import TensorBoard
from tf_smallgan.training.state import build_state
from tf_smallgan.workdir import Workdir


def test_a_grid_changes_nothing_of_what_is_trained_and_shows_the_same_latents(tmp_path):
    config = defaults.with_defaults(config_lib.parse([SMOKE], config_lib.TRAIN))
    state = build_state(defaults.model_spec(config), config.training, seed=0)
    average = state.average
    # As after training on other data, so that sampling has something to overwrite.
    for variable in average.non_trainable_variables:
        variable.assign(variable + 0.1)
    before = [x.numpy() for x in average.variables]
    preview = Preview(config, state, Workdir(str(tmp_path)), TensorBoard(tmp_path))
    for step in (1, 2):
        preview.write(step)
        for variable, value in zip(average.variables, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)
    average.trainable_variables[0].assign_add(
        tf.ones_like(average.trainable_variables[0])
    )
    preview.write(3)
    first, second, other = (
        (tmp_path / "samples" / f"step-{step:07}.png").read_bytes()
        for step in (1, 2, 3)
    )
    assert first == second
    assert first != other
