"""Checks of the options that measures on arrays take."""

from collections.abc import Sequence

from vulneuron.errors import MeasureError


def check_choice(value: object, name: str, allowed: Sequence[str]) -> None:
    """Refuse an option that is not one of the allowed words.

    Raises
    ------
    MeasureError
        If `value` is something else.
    """
    if value not in allowed:
        raise MeasureError(
            f"given {name} = {value!r}", allowed=", ".join(allowed), fix="choose one of these words"
        )


def check_confidence(confidence: float) -> None:
    """Refuse a confidence that is not strictly between 0 and 1.

    Raises
    ------
    MeasureError
        If it is something else.
    """
    # NaN fails the comparison.
    if not 0 < confidence < 1:
        raise MeasureError(
            f"given confidence = {confidence!r}",
            allowed="a number between 0 and 1, both excluded",
            fix="give 0.95 for 95 %",
        )


def check_positive(count: int, name: str) -> None:
    """Refuse anything but an integer from 1.

    Raises
    ------
    MeasureError
        If `count` is something else.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise MeasureError(f"given {name} = {count!r}", allowed="an integer from 1", fix="give a larger one")
