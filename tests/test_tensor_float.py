"""Whole products are for a while, and then as they were."""

import pytest
import tensorflow as tf

from tf_smallgan.tensor_float import whole_float32

OPTIONS = tf.config.experimental


@pytest.mark.parametrize("before", [True, False])
def test_rounding_is_off_within_and_then_as_it_was(before):
    kept = OPTIONS.tensor_float_32_execution_enabled()
    OPTIONS.enable_tensor_float_32_execution(before)
    try:
        calls = [
            whole_float32()(OPTIONS.tensor_float_32_execution_enabled) for _ in range(2)
        ]
        assert [call() for call in calls * 2] == [False] * 4
        with pytest.raises(KeyError), whole_float32():
            raise KeyError
        assert OPTIONS.tensor_float_32_execution_enabled() is before
    finally:
        OPTIONS.enable_tensor_float_32_execution(kept)
