"""What every command does with an error."""

import errno
import os
import re

import pytest

from tf_smallgan.cli import one_sentence_errors
from tf_smallgan.errors import InputError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("--a=1 is not 2."), "train: --a=1 is not 2."),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x.png"),
            "train: No space left on device: .*runs/x.png.*Make room",
        ),
        (
            OSError(errno.EROFS, os.strerror(errno.EROFS), "runs/x.png"),
            "train: runs/x.png: Read-only file system.",
        ),
        # A file where a folder is to be made.
        (
            OSError(errno.EEXIST, os.strerror(errno.EEXIST), "cache"),
            "train: cache: File exists.",
        ),
    ],
)
def test_what_a_user_can_mend_is_a_sentence(error, said, capsys):
    with pytest.raises(SystemExit) as end, one_sentence_errors("train"):
        raise error
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(said, line)


def test_what_is_a_defect_is_a_traceback():
    with pytest.raises(OSError, match="other"), one_sentence_errors("train"):
        raise OSError(errno.EIO, "other")


def test_an_interruption_is_a_sentence_and_130(capsys):
    with pytest.raises(SystemExit) as end, one_sentence_errors("prepare"):
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert "prepare: interrupted. What was written" in capsys.readouterr().err
