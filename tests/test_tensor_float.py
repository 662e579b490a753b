"""Whole products are for a while, and then as they were."""

import pytest
import tensorflow as tf

from export import run as export_run
from export import verify
from tf_smallgan.data import dataset
from tf_smallgan.distribution.strategy import whole_float32
from tf_smallgan.evaluation import during_training, evaluator, reference, run
from tf_smallgan.sampling import grids

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


@pytest.mark.parametrize(
    "function",
    [
        grids.write_samples,
        grids.Preview.write,
        dataset.embedded,
        run.evaluate,
        evaluator.evaluate,
        reference.load_or_compute,
        during_training.TrainingEvaluation.scores,
        export_run.export,
        verify.verify,
    ],
)
def test_whatever_is_compared_is_whole(function, monkeypatch):
    """Called without its arguments, it ends at once, within the switch."""
    switched = []
    monkeypatch.setattr(OPTIONS, "enable_tensor_float_32_execution", switched.append)
    monkeypatch.setattr(OPTIONS, "tensor_float_32_execution_enabled", lambda: True)
    with pytest.raises(TypeError, match="missing .* required"):
        function()
    assert switched == [False, True]
