"""Functions in Python files of users that make a model or images."""

from vulneuron.errors import VulneuronError, one_line
from vulneuron.userfile import load_function


def call_function(path_spec: str, kind: type[VulneuronError]) -> object:
    """Load a function of a file, ``PATH.py:NAME``, and call it without arguments.

    Raises
    ------
    VulneuronError
        Of the given ``kind``: there is no such function, or it raised something itself.
    """
    function = load_function(path_spec, kind)
    try:
        return function()
    except VulneuronError:
        raise
    # The function is the user's: it can raise anything.
    except Exception as error:
        raise kind(
            f"given {path_spec!r}, which raised {one_line(error)}",
            allowed="a function that runs without arguments",
            fix="Mend the function; call it in Python to see where it fails",
        ) from error
