"""Each example runs as its docstring says."""

import os
import pathlib
import runpy
import subprocess
import sys
import tarfile

import pytest
import tensorflow as tf

from export.session import SessionModel
from tests.commands import ROOT
from tests.export import servers

EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("export")
    archive = ROOT / "tests" / "compatibility" / "before.tar.xz"
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "export" / "1"


def test_core_sets_in_your_gan():
    result = subprocess.run(
        [sys.executable, EXAMPLES / "coreset_in_your_gan.py", "3"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 0, result.stderr
    assert "step 2: D " in result.stdout and "nan" not in result.stdout


def test_samples_from_an_export(exported, tmp_path):
    example = runpy.run_path(str(EXAMPLES / "sample_from_export.py"))
    example["draw"](str(exported), str(tmp_path / "samples.png"))
    picture = tf.io.decode_png((tmp_path / "samples.png").read_bytes())
    assert picture.shape == (2 * 32, 8 * 32, 1)


def test_client(exported):
    example = runpy.run_path(str(EXAMPLES / "client.py"))
    with servers.rest_server(SessionModel(exported)) as server:
        address = f"http://{server.address}"
        pngs = example["fetch"](address, servers.MODEL, [3, 7, 7], 0.7)
    assert [tf.io.decode_png(png).shape for png in pngs] == [(32, 32, 1)] * 3


def test_examples_are_short():
    lengths = {p.name: len(p.read_text().splitlines()) for p in EXAMPLES.glob("*.py")}
    assert lengths["coreset_in_your_gan.py"] <= 60 and lengths["client.py"] <= 40
