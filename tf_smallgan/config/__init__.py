"""Every flag, defined once and read once into frozen dataclasses."""

from tf_smallgan.config.commands import (
    EVALUATE,
    EXPORT,
    PREPARE,
    SAMPLE,
    TPU_CHECK,
    TRAIN,
)
from tf_smallgan.config.flags import Config
from tf_smallgan.config.parsing import (
    FLAGS_FILE,
    Command,
    parse,
    replace,
    section_of_flag,
    to_flag_lines,
)

__all__ = [
    "EVALUATE",
    "EXPORT",
    "FLAGS_FILE",
    "PREPARE",
    "SAMPLE",
    "TPU_CHECK",
    "TRAIN",
    "Command",
    "Config",
    "parse",
    "replace",
    "section_of_flag",
    "to_flag_lines",
]
