"""What all commands share: flags, one-sentence errors, a quiet TensorFlow."""

import contextlib
import errno
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator

from absl import app, flags, logging

from tf_smallgan.config import parsing
from tf_smallgan.config.parsing import C, Command  # noqa: E402
from tf_smallgan.errors import InputError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


# TensorFlow writes these at import whatever its log level is.
_NOTICES = re.compile(
    r"^(WARNING: All log messages before absl|I0000 |W0000 |To enable the following"
    r"|E0000 .*cuInit|.*cudart_stub|.*Unable to register cu)"
)

# What a user can mend, where a file is named.
_OF_THE_USER = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
}

_HELP = {"--help", "-help", "-h", "--helpshort", "--helpfull"}


def main(command: Command[C], run: Callable[[C], object]) -> None:
    """Runs a command: parses its flags, calls `run`, turns bad input into a line."""
    parsing.define_flags(command, flags.FLAGS)

    def parse(argv: list[str]) -> list[str]:
        if _HELP & set(argv[1:]):
            print(parsing.help_text(command, sys.modules["__main__"].__doc__ or ""))
            sys.exit(0)
        try:
            arguments = parsing.arguments(argv[1:], command)
            return flags.FLAGS([argv[0], *arguments])
        except flags.Error as error:
            reason = str(error).removeprefix("ERROR:: ").rstrip(".")
            raise InputError(f"{reason}. See --help.") from error

    def call(rest: list[str]) -> None:
        logging.set_verbosity(logging.WARNING)
        with one_sentence_errors(command.name):
            parsing.refuse_words(rest[1:])
            with quiet_import():
                import tensorflow as tf

                tf.config.list_physical_devices()
            config = parsing.from_flags(command, flags.FLAGS)
            if config.run.dry_run and not command.has_plan:
                raise InputError(
                    f"--dry_run applies to train and export; {command.name} has no "
                    "plan to print. Leave it out."
                )
            run(config)

    with one_sentence_errors(command.name):
        app.run(call, flags_parser=parse)


@contextlib.contextmanager
def one_sentence_errors(command: str) -> Iterator[None]:
    """Prints an InputError as one line and exits with 2, without a traceback.

    So it does with a full disk and with files that may not be read or written, wherever
    they were met, and with Ctrl-C (130).
    """
    try:
        yield
    except InputError as error:
        print(f"{command}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(
            f"\n{command}: interrupted. What was written whole before is kept; the "
            "same command goes on from there.",
            file=sys.stderr,
        )
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        print(f"{command}: {sentence}", file=sys.stderr)
        sys.exit(2)


def _sentence(error: Exception) -> str | None:
    """What to say of a file or disk that the user can mend; None of a defect."""
    full = os.strerror(errno.ENOSPC)
    if full in str(error):
        what = str(error).splitlines()[0]
        return (
            f"{full}: {what}. Make room and run the same command again; what was "
            "written whole before is kept."
        )
    if isinstance(error, OSError) and error.errno in _OF_THE_USER and error.filename:
        return f"{error.filename}: {error.strerror}."
    # TensorFlow's own, which is not imported for it.
    if type(error).__name__ == "PermissionDeniedError":
        return str(getattr(error, "message", error)).splitlines()[0] + "."
    return None


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Holds back what is written to stderr and drops TensorFlow's start-up notices.

    Everything else is written out again when the block ends.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile(mode="w+", errors="replace") as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held:
                if not _NOTICES.match(line):
                    sys.stderr.write(line)
