"""Processes of their own: their memory, their failures, and that none is left over."""

import os
import resource
import subprocess
import sys
import time

import pytest

from experiments.common.fresh_process import in_fresh_process, peak_memory_mib
from tests import waiting
from tf_smallgan.errors import InputError

# Adds to a file for as long as it runs.
BEATING = """
import time
while True:
    with open({path!r}, "a") as file:
        file.write(".")
    time.sleep(0.05)
"""
PARENT = """
from experiments.common.fresh_process import in_fresh_process
in_fresh_process(exec, "the beat", {code!r})
"""


def test_a_fresh_process_has_a_peak_of_its_own():
    # This process has TensorFlow loaded.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert own == pytest.approx(1024 * peak_memory_mib())
    assert in_fresh_process(peak_memory_mib, "peak") < 100 < peak_memory_mib()


def test_a_failed_process_is_named():
    with pytest.raises(InputError, match="of the end ended without a result"):
        in_fresh_process(os._exit, "the end", 1)
    with pytest.raises(RuntimeError, match="The process of the mean failed: .*'x'"):
        in_fresh_process(int, "the mean", "x")


def test_a_process_ends_with_the_command_that_began_it(tmp_path):
    path = tmp_path / "beats"
    code = PARENT.format(code=BEATING.format(path=str(path)))
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        waiting.until(lambda: path.exists() and beats(path) > 3)
        parent.kill()
    waiting.until(lambda: stands_still(path))


def beats(path):
    return path.stat().st_size


def stands_still(path):
    before = beats(path)
    time.sleep(1)
    return beats(path) == before
