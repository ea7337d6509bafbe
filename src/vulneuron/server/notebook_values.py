"""Checks of the pairs and neurons that a notebook selects; each error is one line."""

from collections.abc import Iterable
from typing import Any

from vulneuron.errors import VulneuronError
from vulneuron.measures.choices import as_integer
from vulneuron.server.parsing import unknown


def checked_number(name: str, value: Any, count: int) -> int:
    """Number of a pair or neuron.

    Parameters
    ----------
    name
        "pair" or "neuron".
    value
        The given value.
    count
        Number of pairs or neurons.

    Raises
    ------
    VulneuronError
        If it is not a whole number from 0 to ``count - 1``.
    """
    number = as_integer(value)
    if number is None:
        raise VulneuronError(
            f"given {name} = {_short(value)}",
            allowed=f"a whole number from 0 to {count - 1}",
            fix=f"pass the number of a {name} of this record",
        )
    if not 0 <= number < count:
        raise unknown(name, number, count)
    return number


def checked_numbers(name: str, values: Any, count: int) -> tuple[int, ...]:
    """Numbers of pairs or neurons, distinct and ascending; parameters and errors as for `checked_number`."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        given = _short(values)
    else:
        numbers = sorted({checked_number(name, value, count) for value in values})
        if numbers:
            return tuple(numbers)
        given = "no number"
    raise VulneuronError(
        f"given {name}s = {given}",
        allowed=f"at least one whole number from 0 to {count - 1}",
        fix=f"pass a list of {name}s, such as [0, 1]",
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
