"""One run and its exports, made once a session."""

import os
import pathlib

import pytest
import tensorflow as tf

from export.run import export
from export.session import SessionModel
from tests.export.helpers import make_workdir
from tf_smallgan import config as config_lib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


SMALL = ("--standing_truncations=0.5,1", "--standing_batches=1")


@pytest.fixture(scope="session")
def workdir(tmp_path_factory) -> pathlib.Path:
    """A conditional run at 32 px."""
    path = tmp_path_factory.mktemp("run")
    make_workdir(path)
    return path


@pytest.fixture(scope="session")
def exported(workdir, tmp_path_factory) -> pathlib.Path:
    """Version 1 of that run's export."""
    folder = tmp_path_factory.mktemp("model")
    export(
        config_lib.parse(
            [f"--workdir={workdir}", f"--export_dir={folder}"], config_lib.EXPORT
        )
    )
    return folder / "1"


@pytest.fixture(scope="session")
def unconditional(tmp_path_factory) -> pathlib.Path:
    """Version 1 of an export without classes, under the other truncation rule."""
    path, folder = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("model")
    make_workdir(path, "--noconditional", "--truncation_rule=threshold")
    flags = [f"--workdir={path}", f"--export_dir={folder}", *SMALL]
    export(config_lib.parse(flags, config_lib.EXPORT))
    return folder / "1"


@pytest.fixture(scope="session")
def loaded(exported):
    """The export, loaded as other Python code loads it."""
    return tf.saved_model.load(str(exported))


@pytest.fixture(scope="session")
def session_model(exported) -> SessionModel:
    """The export, loaded as a server loads it."""
    return SessionModel(exported)
