"""The one exception that users are meant to read."""


class InputError(ValueError):
    """Bad input: the message names the value, what was expected and what to do.

    Commands print it as one sentence, without a traceback, and exit with 2.
    """
