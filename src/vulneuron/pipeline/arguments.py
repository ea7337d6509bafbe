"""Validation of the arguments of `analyze`, which are converted to Python's own types for the record."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, overload

from vulneuron.errors import RunError
from vulneuron.measures.choices import as_integer

#: Seeds are less than this.
SEEDS = 2**32


@overload
def whole(value: None, name: str, option: str, *, least: int = 1) -> None: ...
@overload
def whole(value: int, name: str, option: str, *, least: int = 1) -> int: ...
def whole(value: int | None, name: str, option: str, *, least: int = 1) -> int | None:
    """An integer of Python, NumPy or PyTorch as Python's; None if it is None.

    Parameters
    ----------
    value
        Value of the argument.
    name
        What it is, in the message.
    option
        The remedy in the message.
    least
        Smallest allowed value.

    Raises
    ------
    RunError
        If it is not an integer from `least`.
    """
    if value is None:
        return None
    number = as_integer(value)
    if number is None or number < least:
        raise RunError(f"the {name} is {value!r}", allowed=f"an integer from {least}", fix=option)
    return number


def checked_seed(seed: int) -> int:
    """The seed as a Python integer.

    Raises
    ------
    RunError
        If it is not an integer from 0 to 2 ** 32 - 1.
    """
    number = as_integer(seed)
    if number is None or not 0 <= number < SEEDS:
        raise RunError(
            f"the seed is {seed!r}", allowed=f"an integer from 0 to {SEEDS - 1}", fix="pass --seed 0"
        )
    return number


def checked_size(size: object) -> int | tuple[int, int] | None:
    """An image size, ``side`` or ``(height, width)``, as Python integers; None if it is None.

    Raises
    ------
    RunError
        If it is neither.
    """
    if size is None:
        return None
    if (side := as_integer(size)) is not None:
        return side
    sides = [as_integer(value) for value in size] if isinstance(size, Iterable) else []
    match sides:
        case [int(height), int(width)]:
            return height, width
    raise RunError(
        f"the image size is {size!r}",
        allowed="an integer, or (height, width)",
        fix="pass --image-size N, the side of the input images in pixels",
    )


def integers_as_text(names: Any) -> Any:
    """Class names of which integers are replaced by text, and a single integer by a list of it."""
    if names is None or isinstance(names, str | Mapping):
        return names
    if (single := as_integer(names)) is not None:
        return [str(single)]
    integers = [as_integer(name) for name in names]
    return [name if integer is None else str(integer) for name, integer in zip(names, integers, strict=True)]


def check_path(out: object) -> None:
    """Refuse anything but a path or URL for a record.

    Raises
    ------
    RunError
        For anything else.
    """
    if not isinstance(out, str | os.PathLike) or not os.fspath(out):
        raise RunError(f"out is {out!r}", allowed="a path or URL", fix="pass for example out='run.zarr'")
