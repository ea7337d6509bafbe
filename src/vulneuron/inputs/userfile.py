"""Functions that users bring in a Python file of their own, written as ``PATH.py:NAME``."""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from vulneuron.errors import VulneuronError, one_line


def load_function(path_spec: str, kind: type[VulneuronError]) -> Callable[..., Any]:
    """Run a Python file and return one of its functions.

    The file runs as a module of its own, anew at every call, so that an edited file takes effect. It may
    import the files beside it by their plain names, as ``python PATH.py`` lets it. Only name files that you
    trust: the whole file is executed.

    Parameters
    ----------
    path_spec
        ``PATH.py:NAME``, where ``NAME`` is a function or another callable at the top level of the file.
    kind
        The error to raise, so that a file with a bad model is a ``ModelError``.

    Returns
    -------
    Callable
        The object called ``NAME``.

    Raises
    ------
    VulneuronError
        Of the given ``kind``: if ``path_spec`` has another form, if the file does not exist or fails while it
        runs, or if it has no such callable.

    Notes
    -----
    Two files in different folders that each import a sibling of the same name (``utils.py``) share the one
    that was imported first, as Python keeps one module a name.
    """
    path_text, _, name = path_spec.rpartition(":")
    path = Path(path_text).expanduser()
    if path.suffix != ".py" or not name.isidentifier():
        raise kind(
            f"given {path_spec!r}, which names no function in a Python file",
            allowed="PATH.py:NAME",
            fix="Write the path of the file, a colon, and the name of a function in it",
        )
    if not path.is_file():
        raise kind(
            f"given the file {str(path)!r}, which does not exist",
            allowed="the path of a Python file",
            fix=f"Check the path; relative paths start at {str(Path.cwd())!r}",
        )
    module = _run(path.resolve(), kind)
    function = getattr(module, name, None)
    if not callable(function):
        what = "is no function" if hasattr(module, name) else "does not exist"
        raise kind(
            f"given {name!r}, which {what} in {str(path)!r}",
            allowed=", ".join(_own_callables(module)) or "none: the file defines no function",
            fix="Name one of these functions, or define it at the top level of the file",
        )
    return function  # type: ignore[no-any-return]  # callable() narrows to an unknown signature


def _run(path: Path, kind: type[VulneuronError]) -> ModuleType:
    # The hash keeps apart files of the same name in different folders.
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    module_name = f"_vulneuron_userfile_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise kind(
            f"given {str(path)!r}, which cannot be imported",
            allowed="a Python source file",
            fix="Name a file ending in .py",
        )
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look their module up by name.
    sys.modules[module_name] = module
    try:
        with _siblings_importable(path.parent):
            spec.loader.exec_module(module)
    # A script without a __main__ guard may well call sys.exit().
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise kind(
            f"given {str(path)!r}, which failed while it was imported: {_one_line(error, path)}",
            allowed="a file that runs without an error",
            fix=f"Run 'python {path}' and mend what it reports",
        ) from error
    return module


@contextmanager
def _siblings_importable(folder: Path) -> Iterator[None]:
    entry = str(folder)
    if entry in sys.path:
        yield
        return
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)
        # Functions may import siblings when they are called; at the end these cannot hide installed packages.
        sys.path.append(entry)


def _one_line(error: BaseException, path: Path) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, SyntaxError):
        return text
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    return f"{text} (line {lines[-1]})" if lines else text


def _own_callables(module: ModuleType) -> list[str]:
    return sorted(
        name
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    )


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
