"""Files written under another name first."""

import pytest

from tf_smallgan.files import replacing


def test_it_takes_the_place_of_the_file(tmp_path):
    path = tmp_path / "new" / "scores.json"
    for content in ("first", "second"):
        with replacing(path) as partial:
            partial.write_text(content)
        assert path.read_text() == content
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("before")
    with pytest.raises(OSError, match="full"), replacing(path) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_have_a_name_each(tmp_path):
    path = tmp_path / "plot.png"
    with replacing(path, ".png") as one, replacing(path, ".png") as other:
        assert one.name.endswith(".png") and one != other
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_never_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none"):
        pass
    assert not list(tmp_path.iterdir())
