"""Compiling for TPU: what is reported, what is refused, and a real compile."""

import os
import pathlib
import re
import subprocess
import sys
import time

import pytest
import tensorflow as tf

from tests import waiting
from tf_smallgan import config
from tf_smallgan.config import defaults
from tf_smallgan.errors import InputError
from tf_smallgan.tpu_check import __main__ as tpu_check
from tf_smallgan.tpu_check import environment, stablehlo

GIB = 2**30
needs_compiler = pytest.mark.skipif(
    environment.VARIABLE not in os.environ,
    reason=f"{environment.VARIABLE} names no environment with the TPU compiler",
)
SMALLEST = (
    "--flagfile=configs/smoke.cfg",
    "--discriminator_steps=1",
    "--channel_multiplier=1",
    "--workdir=",
)
COMPILED = {
    "device": "TPU v5 lite",
    "hbm_bytes": 16 * GIB,
    "compile_seconds": 61.0,
    "memory_bytes": {
        "argument": 3 * GIB,
        "output": 2 * GIB,
        "alias": 2 * GIB,
        "temp": 4 * GIB,
        "generated_code": GIB,
    },
    "flops": 2e12,
}


def test_memory_is_counted_once_where_outputs_replace_arguments():
    lines = "\n".join(stablehlo.report_lines(COMPILED, 8))
    assert "8.00 of 16.00 GiB HBM, 50%" in lines
    assert "FLOPs: 2,000.0 G" in lines
    assert "one replica, without the collectives" in lines


def test_a_step_that_does_not_fit_is_refused_with_both_figures():
    failed = COMPILED | {"error": "RESOURCE_EXHAUSTED", "hbm_used_bytes": 20 * GIB}
    message = "replica_batch=64 does not fit: .* 20.00 GiB.* has 16.00 GiB"
    with pytest.raises(InputError, match=message):
        stablehlo.report_lines(failed, 64)


def test_ops_that_do_not_compile_are_named():
    error = "failed to legalize operation 'mhlo.copy' that was explicitly marked"
    failed = COMPILED | {"error": error, "hbm_used_bytes": None}
    with pytest.raises(InputError, match="do not compile: mhlo.copy"):
        stablehlo.report_lines(failed, 8)


def test_ops_that_xla_lacks_are_named():
    function = tf.function(lambda x: tf.strings.length(tf.strings.as_string(x)))
    compiled = tf.function(function, jit_compile=True, autograph=False)
    with pytest.raises(InputError, match="do not compile: AsString"):
        stablehlo.lower(compiled, tf.TensorSpec([2], tf.float32))


def test_an_unknown_topology_names_those_that_are_known():
    with pytest.raises(InputError, match="--topology=v9:1x1 is not known.*v5e:2x2"):
        tpu_check.run(config.parse([*SMALLEST, "--topology=v9:1x1"], config.TPU_CHECK))


def test_a_missing_environment_names_the_make_target(monkeypatch, tmp_path):
    monkeypatch.setenv(environment.VARIABLE, str(tmp_path))
    with pytest.raises(InputError, match="make tpu-environment.*libtpu==0.0.52"):
        tpu_check.run(config.parse(SMALLEST, config.TPU_CHECK))


def test_the_make_target_makes_the_default_folder():
    makefile = (pathlib.Path(__file__).parents[2] / "Makefile").read_text()
    assert f"TPU_VENV := {environment.DEFAULT_FOLDER}\n" in makefile
    assert "tpu-environment:" in makefile


def test_the_compile_loses_its_input_when_the_command_is_killed(tmp_path):
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\ntouch {begun}\ncat\ntouch {ended}\n")
    python.chmod(0o755)
    code = (
        "import pathlib; from tf_smallgan.tpu_check.environment import compile_module; "
        "compile_module(pathlib.Path('step.vhlo'), 'v5e:1x1')"
    )
    variables = os.environ | {environment.VARIABLE: str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], env=variables) as command:
        waiting.until(begun.exists)
        time.sleep(0.2)
        assert not ended.exists()
        command.kill()
    waiting.until(ended.exists)


@needs_compiler
def test_the_compiler_ends_with_its_input(tmp_path):
    script = pathlib.Path(environment.__file__).with_name("compile_module.py")
    ran = subprocess.run(
        [environment.find_python(), str(script), str(tmp_path / "no.vhlo"), "v5e:2x2"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout) == (1, "") and "Error" not in ran.stderr


@needs_compiler
def test_a_small_step_compiles(capsys):
    tpu_check.run(config.parse([*SMALLEST, "--replica_batch=8"], config.TPU_CHECK))
    printed = capsys.readouterr().out
    assert "ops that do not compile: none" in printed
    gib = float(re.search(r"memory: ([0-9.]+) of 15.75 GiB", printed).group(1))
    assert 0 < gib < 1


def test_the_batch_is_the_steps():
    whole = defaults.with_defaults(config.parse(SMALLEST))
    image, label, weight = stablehlo.batch_specs(whole)
    assert image.shape == (1, 8, 32, 32, 1)
    assert label.shape == weight.shape == (1, 8)
