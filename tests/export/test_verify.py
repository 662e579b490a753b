import pathlib
import shutil

import numpy as np
import pytest

from export import recording, verify
from export.session import SessionModel
from tests.export.helpers import run_module
from tf_smallgan.errors import InputError


@pytest.fixture
def copy(exported, tmp_path) -> pathlib.Path:
    """A copy of the export to spoil."""
    shutil.copytree(exported, tmp_path / "1")
    return tmp_path / "1"


def test_in_a_fresh_process(exported, workdir):
    process = run_module("export.verify", str(exported), f"--workdir={workdir}")
    assert process.returncode == 0, process.stderr
    assert "30 requests replayed" in process.stdout
    assert "Against the live generator of the run" in process.stdout
    assert "Conv2D" in process.stdout


def test_other_weights_are_found(copy, session_model, monkeypatch):
    monkeypatch.setattr(verify, "SessionModel", lambda _: session_model)
    path = copy / recording.EXTRA / recording.EXAMPLES_FILE
    with np.load(path) as file:
        arrays = dict(file)
    arrays["live_images"] = arrays["live_images"] + np.float32(2e-5)
    np.savez(path, **arrays)
    with pytest.raises(InputError, match="not what was exported: default .*2.*e-05"):
        verify.verify(str(copy), "")


def test_an_operation_without_a_kernel_is_found(session_model):
    graph = session_model.meta_graph.graph_def
    node = graph.node.add(name="strange", op="TheirOwnOp")
    try:
        with pytest.raises(InputError, match="TheirOwnOp.* no kernel"):
            verify.operations(session_model)
    finally:
        graph.node.remove(node)


def test_bad_arguments(exported, tmp_path):
    for arguments, sentence in (
        ([], "Name one version folder"),
        ([str(tmp_path)], "name a version folder"),
        ([str(exported), "--nope=1"], "Unknown command line flag"),
    ):
        with pytest.raises(InputError, match=sentence):
            verify.main(["verify", *arguments])


def test_session_refuses_other_signatures_and_inputs(session_model, tmp_path):
    with pytest.raises(InputError, match="There is no signature nope; there are def"):
        session_model.predict("nope", {})
    with pytest.raises(InputError, match="takes label, seed, truncation; .* no inputs"):
        session_model.predict("serving_default", {})
    with pytest.raises(InputError, match="holds no SavedModel"):
        SessionModel(tmp_path)
