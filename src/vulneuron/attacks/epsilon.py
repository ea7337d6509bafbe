"""Perturbation budgets in the usual notation, ``8/255``."""

import math

from vulneuron.errors import AttackError


def parse_epsilon(text: str | float) -> float:
    """Read a perturbation budget or a step size.

    Parameters
    ----------
    text
        ``"8/255"``, ``"0.03"``, or a number; in units of pixels in [0, 1].

    Returns
    -------
    float
        Finite and above 0.

    Raises
    ------
    AttackError
        If it is not a finite number above 0.

    Examples
    --------
    >>> parse_epsilon("8/255") == 8 / 255
    True
    >>> parse_epsilon("0.03")
    0.03
    """
    try:
        numerator, slash, denominator = str(text).partition("/")
        value = float(numerator) / float(denominator) if slash else float(numerator)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if isinstance(text, bool) or not (math.isfinite(value) and value > 0):
        raise AttackError(
            f"given epsilon {text!r}",
            allowed="a fraction such as 8/255, or a number above 0 such as 0.03",
            fix="write it for pixels in [0, 1]: 8 of 255 gray levels are 8/255",
        )
    return value


def format_epsilon(epsilon: float) -> str:
    """Format a perturbation budget such that `parse_epsilon` restores exactly the same number.

    Parameters
    ----------
    epsilon
        A number above 0, in units of pixels in [0, 1].

    Returns
    -------
    str
        ``n/255``, n with up to two decimals, where that is exact and shorter; else the plain number.

    Raises
    ------
    AttackError
        If `epsilon` is not a finite number above 0.

    Examples
    --------
    >>> format_epsilon(0.03137254901960784)
    '8/255'
    >>> format_epsilon(0.5)
    '0.5'
    """
    plain = repr(parse_epsilon(epsilon))
    levels = f"{round(255 * epsilon, 2):g}"
    exact = float(levels) / 255 == epsilon
    return f"{levels}/255" if exact and len(levels) + len("/255") < len(plain) else plain
