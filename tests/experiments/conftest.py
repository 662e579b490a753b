"""A training that trains nothing."""

import pytest

from experiments.common import runs
from tests.experiments.studies import FakeTraining
from tf_smallgan import trainer
from tf_smallgan.models import classifier


@pytest.fixture
def training(monkeypatch) -> FakeTraining:
    """In place of `running.train`; nothing is prepared for it either.

    The classifier stays as it was initialised.
    """
    fake = FakeTraining()
    monkeypatch.setattr(trainer, "train", fake)
    monkeypatch.setattr(runs, "prepare_shared", lambda runs: None)
    monkeypatch.setattr(classifier, "_fit", lambda *_: 0.5)
    return fake
