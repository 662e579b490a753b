"""Checkpoints compared, variable by variable."""

import numpy as np
import tensorflow as tf


def _values(folder, step):
    path = str(folder / "checkpoints" / f"step-{step}")
    reader = tf.train.load_checkpoint(path)
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if "OBJECT_GRAPH" not in name  # Python objects' metadata.
    }


def assert_same_variables(folder, other, step):
    """Bit for bit the same in the checkpoints of both workdirs."""
    expected, found = _values(folder, step), _values(other, step)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(value, found[name], err_msg=name)
