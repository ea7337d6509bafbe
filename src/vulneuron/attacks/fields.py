"""Validation of the fields of attacks, which are converted to Python's own types for the record."""

from vulneuron.attacks.base import Attack
from vulneuron.errors import AttackError
from vulneuron.measures.choices import as_integer, as_number


def coerce_target(attack: Attack) -> None:
    """Validate a new attack's `target`, None or an integer >= 0; see `coerce_integer`."""
    if attack.target is not None:
        coerce_integer(attack, "target", minimum=0)


def coerce_integer(attack: Attack, field: str, *, minimum: int = 1) -> None:
    """Validate an integer field of a new attack, and convert it to a Python integer.

    Integers of NumPy and PyTorch are accepted, but are not JSON values.

    Raises
    ------
    AttackError
        If the field is not an integer >= `minimum`.
    """
    value = getattr(attack, field)
    number = as_integer(value)
    if number is None or number < minimum:
        raise AttackError(
            f"given {field} = {value!r}",
            allowed=f"an integer of at least {minimum}",
            fix=f"choose another {field}",
        )
    _set(attack, field, number)


def coerce_number(attack: Attack, field: str) -> None:
    """Convert a number of another library, such as ``np.float32(0.03)``, to a Python float of the same value.

    Anything else is left for the checks of the attack.
    """
    number = as_number(getattr(attack, field))
    if number is not None:
        _set(attack, field, number)


def check_flag(name: str, value: bool) -> None:
    """Refuse anything but True and False.

    Raises
    ------
    AttackError
        For anything else.
    """
    if not isinstance(value, bool):
        raise AttackError(f"given {name} = {value!r}", allowed="True or False", fix=f"choose another {name}")


def _set(attack: Attack, field: str, value: object) -> None:
    # Frozen dataclasses set fields this way in __post_init__.
    object.__setattr__(attack, field, value)
