import os
import pathlib
import time

import pytest

from export.versions import new_version, versions_in
from tf_smallgan.errors import InputError


def test_versions_grow(tmp_path):
    for number in (1, 2, 3):
        with new_version(str(tmp_path)) as version:
            (version.path / "file").write_text(str(number))
        assert version.final == tmp_path / str(number)
    assert versions_in(tmp_path) == [1, 2, 3]
    (tmp_path / "10").mkdir()
    (tmp_path / "serving").mkdir()
    with new_version(str(tmp_path)) as version:
        pass
    assert version.final == tmp_path / "11"


def test_half_written_is_never_seen_and_failure_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), new_version(str(tmp_path)) as version:
        (version.path / "file").write_text("half")
        assert versions_in(tmp_path) == []
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_another_exporter_takes_the_number_first(tmp_path):
    with new_version(str(tmp_path)) as version:
        (tmp_path / "1").mkdir()
        (tmp_path / "1" / "file").write_text("other")
    assert version.final == tmp_path / "2"


def test_what_a_killed_exporter_left_is_removed(tmp_path):
    for name, age_h in ((".partial-old", 30), (".partial-new", 1)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("half")
        then = time.time() - 3600 * age_h
        for path in (tmp_path / name / "file", tmp_path / name):
            os.utime(path, (then, then))
    with new_version(str(tmp_path)):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".partial-new", "1"]


def test_other_users_can_read_it(tmp_path):
    with new_version(str(tmp_path)) as version:
        pass
    assert pathlib.Path(version.final).stat().st_mode & 0o777 == 0o755


def test_bad_folders(tmp_path):
    with pytest.raises(InputError, match="--export_dir is not set"), new_version(""):
        pass
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot be written"),
        new_version(str(tmp_path / "file")),
    ):
        pass
