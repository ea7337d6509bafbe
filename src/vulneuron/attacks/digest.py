"""Digests of functions, by which a record distinguishes user-defined attacks."""

import functools
import hashlib
import inspect
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any


def function_digest(function: Callable[..., Any]) -> str:
    """Hash the behavior of a Python function.

    Covers its code, its default arguments, and the numbers and strings that it reads from its closure and
    its module. Other objects, and the functions that it calls, contribute only the name of their type. Names,
    comments and the location of the function do not matter.

    The source text would not be enough: two lambdas on one line share it, and so do functions that one
    factory creates with different numbers.

    Parameters
    ----------
    function
        A function, method, `functools.partial` or callable object. A function written in C is identified by
        its name.

    Returns
    -------
    str
        16 hexadecimal digits, the same in every process of one Python version.
    """
    return hashlib.sha256(repr(_described(function)).encode()).hexdigest()[:16]


def _described(function: Any) -> Any:
    # Decorators such as torch.no_grad() hide the function.
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
        closure = inspect.getclosurevars(function)
        return (
            _code(function.__code__),
            _values(dict(enumerate(function.__defaults__ or ()))),
            _values(function.__kwdefaults__ or {}),
            _values(closure.nonlocals),
            _values(closure.globals),
        )
    if inspect.isfunction(type(function).__call__):
        return (_described(type(function).__call__), _values(getattr(function, "__dict__", {})))
    return getattr(function, "__qualname__", type(function).__qualname__)


def _code(code: CodeType) -> Any:
    return (code.co_code, code.co_names, [_constant(value) for value in code.co_consts])


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _code(value)
    # The order of a set of strings differs between processes.
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def _values(values: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Names with plain values, or with type names: other objects may change, or print an address."""
    plain = bool | int | float | complex | str | bytes | None
    return sorted(
        (str(name), repr(value) if isinstance(value, plain) else type(value).__qualname__)
        for name, value in values.items()
    )
