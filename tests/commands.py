"""Type of the fixture that runs a command: from arguments to exit status, standard output, standard error."""

from collections.abc import Callable

Command = Callable[..., tuple[int, str, str]]
