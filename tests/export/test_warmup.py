import collections

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_log_pb2,
)

from export import warmup, wire
from export.recording import EXTRA


def test_a_record_for_each_signature_and_batch_size(exported, session_model):
    sizes = collections.defaultdict(list)
    for signature, inputs in warmup.read_warmup(exported):
        assert set(inputs) == set(session_model.signatures[signature].inputs)
        (size,) = {len(value) for value in inputs.values()}
        sizes[signature].append(size)
    assert set(sizes) == set(session_model.signatures)
    assert all(found == [1, 2, 4, 8, 16, 32] for found in sizes.values())


def test_replayed(exported, session_model):
    for signature, inputs in warmup.read_warmup(exported):
        (output,) = session_model.predict(signature, inputs).values()
        assert len(output) == len(next(iter(inputs.values())))


def test_servings_own_messages_read_it(exported):
    path = exported / EXTRA / warmup.WARMUP_FILE
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    ours = list(warmup.read_warmup(exported))
    assert len(records) == len(ours) == 30
    for record, (signature, inputs) in zip(records, ours):
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.signature_name == signature
        for name, tensor in request.inputs.items():
            np.testing.assert_array_equal(tf.make_ndarray(tensor), inputs[name])


def test_wire_messages_are_servings_own():
    for ours, theirs in (
        (wire.PredictRequest, predict_pb2.PredictRequest),
        (wire.PredictResponse, predict_pb2.PredictResponse),
        (wire.GetModelMetadataRequest, get_model_metadata_pb2.GetModelMetadataRequest),
        (
            wire.GetModelMetadataResponse,
            get_model_metadata_pb2.GetModelMetadataResponse,
        ),
        (wire.SignatureDefMap, get_model_metadata_pb2.SignatureDefMap),
    ):
        for field in ours.DESCRIPTOR.fields:
            other = theirs.DESCRIPTOR.fields_by_name[field.name]
            assert other.number == field.number
            assert other.is_repeated == field.is_repeated
