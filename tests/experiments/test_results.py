"""The tables that experiments grow."""

import threading

import numpy as np
import pytest

from experiments.common.results import ResultsTable, locked, mean_and_interval, shown
from tf_smallgan.errors import InputError


def test_a_table_goes_on_where_it_was(tmp_path):
    path = tmp_path / "some" / "table.csv"
    first = ResultsTable(path, ("arm", "seed"))
    first.add([{"arm": "plain", "seed": 0, "score": 1.5}])
    first.add([{"arm": "plain", "seed": 1, "score": 2.5, "more": "yes"}])
    again = ResultsTable(path, ("arm", "seed"))
    assert again.has(arm="plain", seed=0)
    assert not again.has(arm="plain", seed=2)
    assert [row["score"] for row in again.select(arm="plain")] == ["1.5", "2.5"]
    assert path.read_text() == "arm,seed,score,more\nplain,0,1.5,\nplain,1,2.5,yes\n"


def test_two_commands_lose_nothing_of_each_other(tmp_path):
    path = tmp_path / "table.csv"
    ours, theirs = (ResultsTable(path, ("arm",)) for _ in range(2))
    ours.add([{"arm": "plain"}])
    theirs.add([{"arm": "both", "score": 2}])
    ours.add([{"arm": "even"}, {"arm": "even"}, {"arm": "both", "score": 3}])
    assert path.read_text() == "arm,score\nplain,\nboth,2\neven,\neven,\n"


def test_a_table_is_written_by_one_at_a_time(tmp_path):
    done = []

    def add():
        ResultsTable(tmp_path / "table.csv", ("arm",)).add([{"arm": "late"}])
        done.append("late")

    with locked(tmp_path):
        other = threading.Thread(target=add)
        other.start()
        other.join(0.2)
        done.append("first")
    other.join()
    assert done == ["first", "late"]


def test_a_table_of_something_else_is_refused(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="has not the columns arm, seed"):
        ResultsTable(path, ("arm", "seed"))


def test_interval_by_hand():
    # Deviation 1, standard error 1 / sqrt(3), Student's 0.975 quantile 4.3027.
    mean, half = mean_and_interval([1, 2, 3])
    assert mean == 2
    assert half == pytest.approx(4.3027 / np.sqrt(3), rel=1e-4)
    assert shown(mean, half) == "2.0 ± 2.5"
    assert shown(*mean_and_interval([7])) == "7.0"
    assert shown(-0.04, 0.3) == "0.0 ± 0.3"
