"""How tests run a command: its arguments to exit status, standard output, standard error."""

from collections.abc import Callable

Command = Callable[..., tuple[int, str, str]]
