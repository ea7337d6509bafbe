"""User-defined functions from Python files, named as ``PATH.py:NAME``."""

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

    The file runs as a separate module, again at every call, so edits take effect. It can import its sibling
    files by plain name, as with ``python PATH.py``. Use only files that you trust: the whole file is
    executed.

    Parameters
    ----------
    path_spec
        ``PATH.py:NAME``, with a function or other callable at the top level of the file.
    kind
        The error to raise, such as `ModelError` for a model's file.

    Returns
    -------
    Callable
        The object called ``NAME``.

    Raises
    ------
    VulneuronError
        Of this ``kind``, if ``path_spec`` has another form, the file does not exist or fails, or it has no
        such callable.

    Notes
    -----
    Two files in different folders that import siblings of the same name (``utils.py``) share the one imported
    first, because Python keeps one module per name.
    """
    path_text, _, name = path_spec.rpartition(":")
    path = Path(path_text).expanduser()
    if path.suffix != ".py" or not name.isidentifier():
        raise kind(
            f"given {path_spec!r}, which does not name a function in a Python file",
            allowed="PATH.py:NAME",
            fix="write the path of the file, a colon and the name of a function in it",
        )
    if not path.is_file():
        raise kind(
            f"given the file {str(path)!r}, which does not exist",
            allowed="the path of a Python file",
            fix=f"check the path; relative paths start at {str(Path.cwd())!r}",
        )
    module = _run(path.resolve(), kind)
    function = getattr(module, name, None)
    if not callable(function):
        problem = "is not a function" if hasattr(module, name) else "does not exist"
        raise kind(
            f"given {name!r}, which {problem} in {str(path)!r}",
            allowed=", ".join(_own_callables(module)) or "none: the file defines no function",
            fix="name one of these functions, or define it at the top level of the file",
        )
    return function  # type: ignore[no-any-return]  # callable() narrows to an unknown signature


def _run(path: Path, kind: type[VulneuronError]) -> ModuleType:
    # The hash distinguishes files of the same name in different folders.
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    module_name = f"_vulneuron_userfile_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise kind(
            f"given {str(path)!r}, which cannot be imported",
            allowed="a Python source file",
            fix="name a file ending in .py",
        )
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look up their module by name.
    sys.modules[module_name] = module
    try:
        with _siblings_importable(path.parent):
            spec.loader.exec_module(module)
    # A script without a __main__ guard may call sys.exit().
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise kind(
            f"given {str(path)!r}, which failed on import: {_one_line(error, path)}",
            allowed="a file that runs without an error",
            fix=f"run 'python {path}' and fix the error",
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
        # Functions may import siblings when called; at the end of the path, these cannot hide packages.
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
        Of this ``kind``, if there is no such function, or it raises.
    """
    function = load_function(path_spec, kind)
    try:
        return function()
    except VulneuronError:
        raise
    # User code can raise anything.
    except Exception as error:
        raise kind(
            f"given {path_spec!r}, which raised {one_line(error)}",
            allowed="a function that runs without arguments",
            fix="fix the function; call it in Python to see where it fails",
        ) from error
