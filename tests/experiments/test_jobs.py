"""Many runs, some at a time."""

import os
import signal

import pytest

from experiments.common.jobs import run_all
from experiments.common.results import ResultsTable, read_rows
from tf_smallgan.errors import InputError


def _one(job: str):
    if job == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return [{"job": job, "process": os.getpid()}]


def test_each_run_has_a_process_of_its_own(tmp_path):
    table = ResultsTable(tmp_path / "runs.csv", ("job",))
    run_all(_one, ["a", "b"], 2, table)
    rows = read_rows(table.path)
    assert sorted(row["job"] for row in rows) == ["a", "b"]
    assert len({row["process"] for row in rows} | {str(os.getpid())}) == 3


def test_a_killed_process_is_a_sentence_and_runs_before_it_are_kept(tmp_path):
    table = ResultsTable(tmp_path / "runs.csv", ("job",))
    run_all(_one, ["a"], 1, table)
    with pytest.raises(InputError, match="process of killed ended without a result"):
        run_all(_one, ["killed"], 2, table)
    assert [row["job"] for row in read_rows(table.path)] == ["a"]
