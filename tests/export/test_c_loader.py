"""A C program loads the export with TensorFlow's own library, as a server does."""

import pathlib
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf

SOURCE = pathlib.Path(__file__).with_name("loader.c")
INVALID_ARGUMENT = "3: "


@pytest.fixture(scope="module")
def loader(tmp_path_factory) -> pathlib.Path:
    """The compiled program."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on the PATH")
    package = pathlib.Path(tf.__file__).parent
    libraries = sorted(package.glob("libtensorflow_*.so.2"))
    if len(libraries) < 2:
        pytest.skip("this TensorFlow comes without libtensorflow_cc.so.2")
    program = tmp_path_factory.mktemp("loader") / "loader"
    built = subprocess.run(
        [compiler, str(SOURCE), "-o", str(program), f"-I{package / 'include'}"]
        + [str(library) for library in libraries]
        + [f"-Wl,-rpath,{package}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return program


def run(loader, exported, session_model, signature, first, number):
    """The program's process; `first` is the first input's name."""
    definition = session_model.signatures[signature]
    names = {"label": ("label", "seed"), "z": ("z", "y")}[first]
    tensors = [definition.inputs[name].name for name in (*names, "truncation")]
    (output,) = definition.outputs.values()
    arguments = [str(exported), *tensors, output.name, first, str(number)]
    return subprocess.run([str(loader), *arguments], capture_output=True, check=False)


def test_same_image_as_in_python(loader, exported, session_model):
    process = run(loader, exported, session_model, "serving_default", "label", 4)
    assert process.returncode == 0, process.stdout
    image = np.frombuffer(process.stdout, np.uint8).reshape(1, 32, 32, 1)
    inputs = {
        "label": np.array([4], np.int32),
        "seed": np.array([11], np.int64),
        "truncation": np.array([0.5], np.float32),
    }
    expected = session_model.predict("serving_default", inputs)["image"]
    assert np.abs(image.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "signature, first, number, sentence",
    [
        ("serving_default", "label", 10, "label must be a class from 0 to 9"),
        ("default", "z", 15, "z must have shape [examples, 16]; the request has"),
    ],
)
def test_malformed(loader, exported, session_model, signature, first, number, sentence):
    process = run(loader, exported, session_model, signature, first, number)
    text = process.stdout.decode()
    assert process.returncode == 3
    assert text.startswith(INVALID_ARGUMENT) and sentence in text
