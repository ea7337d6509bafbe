"""Digests of functions, by which a record tells one function of a user from another."""

import functools
import hashlib
import inspect
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any


def function_digest(function: Callable[..., Any]) -> str:
    """Hash what a Python function does.

    Covers its code, its default arguments, and the numbers and texts that it takes from around it (from the
    function that made it, or from its module). Other objects, and the functions that it calls, count by the
    name of their type alone. Names, comments and the place of the function do not count.

    The source text would not do: two lambdas on one line have the same, and so have two functions that one
    factory made with different numbers.

    Parameters
    ----------
    function
        A function, method, `functools.partial`, or an object that can be called. One that is written in C
        is told by its name.

    Returns
    -------
    str
        16 hexadecimal digits; the same in every process of one version of Python.
    """
    return hashlib.sha256(repr(_described(function)).encode()).hexdigest()[:16]


def _described(function: Any) -> Any:
    # Decorators such as torch.no_grad() would hide the function.
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return (
            _described(function.func),
            _values(dict(enumerate(function.args))),
            _values(function.keywords),
        )
    if inspect.ismethod(function):
        return (_described(function.__func__), _values(getattr(function.__self__, "__dict__", {})))
    if inspect.isfunction(function):
        around = inspect.getclosurevars(function)
        return (
            _code(function.__code__),
            _values(dict(enumerate(function.__defaults__ or ()))),
            _values(function.__kwdefaults__ or {}),
            _values(around.nonlocals),
            _values(around.globals),
        )
    if inspect.isfunction(type(function).__call__):
        return (_described(type(function).__call__), _values(getattr(function, "__dict__", {})))
    return getattr(function, "__qualname__", type(function).__qualname__)


def _code(code: CodeType) -> Any:
    return (code.co_code, code.co_names, [_constant(value) for value in code.co_consts])


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _code(value)
    # The order of a set of texts differs from process to process.
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def _values(values: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Names and plain values; what is no plain value may change, or hold an address that does."""
    plain = bool | int | float | complex | str | bytes | None
    return sorted(
        (str(name), repr(value) if isinstance(value, plain) else type(value).__qualname__)
        for name, value in values.items()
    )
