"""What a person can mend: the two kinds of error that end a command with a sentence instead of a traceback."""

from typing import ClassVar


class MendableError(Exception):
    """Something went wrong outside the code. Its text says what, and what mends it; a command ends with `exit_code`."""

    exit_code: ClassVar[int] = 1


class ConfigurationError(MendableError):
    """A command, a setting, the estate or a scenario is wrong: nothing was done."""

    exit_code: ClassVar[int] = 2
