"""Choices that measures on arrays take: their words, and checks."""

import operator
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from numbers import Real

import numpy as np

from vulneuron.errors import MeasureError, did_you_mean


@dataclass(frozen=True, eq=False)
class Choice:
    """Texts for one allowed word of an option. Tables of choices map words to choices.

    Attributes
    ----------
    label
        A few words for menus.
    meaning
        One sentence without a period.
    legend
        Texts in the legend of a plot, with placeholders in braces.
    implies
        Other options by name, and the values that they have under this choice when they are not given.
    limits
        Other options by name, and the ranges, ends included, that they have under this choice.
    """

    label: str
    meaning: str
    legend: tuple[str, ...] = ()
    implies: Mapping[str, str | float] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def as_integer(value: object) -> int | None:
    """An integer of Python, NumPy or PyTorch as Python's; None for anything else, such as 2.0 or True."""
    if isinstance(value, bool | np.bool_) or str(getattr(value, "dtype", "")).endswith("bool"):
        return None
    try:
        # All integer types have __index__ and floats do not.
        return operator.index(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        return None


def as_number(value: object) -> float | None:
    """A real number of Python, NumPy or PyTorch as Python's float; None for anything else, such as True."""
    if isinstance(value, bool | np.bool_ | str | bytes) or np.ndim(value) > 0:  # type: ignore[arg-type]
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        return None


def check_choice(value: object, name: str, allowed: Collection[str]) -> None:
    """Refuse an option that is not one of the allowed words.

    Raises
    ------
    MeasureError
        For anything else.
    """
    if not isinstance(value, str) or value not in allowed:
        raise MeasureError(
            f"given {name} = {value!r}",
            allowed=", ".join(allowed),
            fix=did_you_mean(str(value), allowed) or "choose one of these words",
        )


def check_confidence(confidence: float) -> None:
    """Refuse a confidence that is not strictly between 0 and 1.

    Raises
    ------
    MeasureError
        For anything else.
    """
    # NaN fails the comparison.
    if not (isinstance(confidence, Real) and 0 < confidence < 1):
        raise MeasureError(
            f"given confidence = {confidence!r}",
            allowed="a number between 0 and 1, both excluded",
            fix="use 0.95 for 95 %",
        )


def check_per_cent(per_cent: float, name: str) -> None:
    """Refuse anything but a number above 0 and up to 100.

    Raises
    ------
    MeasureError
        For anything else.
    """
    if not (isinstance(per_cent, Real) and 0 < per_cent <= 100):
        raise MeasureError(
            f"given {name} = {per_cent!r}",
            allowed="a percentage of the pixels, above 0 and up to 100",
            fix="use for example 20",
        )


def check_whole(count: int, name: str, *, least: int = 1) -> None:
    """Refuse anything but an integer >= `least`.

    Raises
    ------
    MeasureError
        For anything else.
    """
    if not isinstance(count, int | np.integer) or isinstance(count, bool) or count < least:
        raise MeasureError(
            f"given {name} = {count!r}", allowed=f"an integer from {least}", fix="use such a number"
        )


def check_size(size: object, name: str) -> None:
    """Refuse anything but a pair of positive integers.

    Raises
    ------
    MeasureError
        For anything else.
    """
    pixels = size if isinstance(size, tuple) and len(size) == 2 else (None, None)
    if not all(
        isinstance(length, int | np.integer) and not isinstance(length, bool) and length > 0
        for length in pixels
    ):
        raise MeasureError(
            f"given {name} = {size!r}", allowed="(y, x), two positive integers", fix="use a size in pixels"
        )
