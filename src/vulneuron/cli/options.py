"""Readers of option values that the commands share."""

from vulneuron.errors import ModelError


def comma_separated(text: str | None) -> list[str] | None:
    """Parts of ``a,b,c`` without blanks around them; None for None."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def numbers(text: str | None, option: str) -> list[float] | None:
    """Numbers of ``0.5,0.5,0.5``; None for None."""
    parts = comma_separated(text)
    try:
        return None if parts is None else [float(part) for part in parts]
    except ValueError:
        raise ModelError(
            f"{option} is {text!r}",
            allowed="comma-separated numbers, one a channel",
            fix=f"write for example {option} 0.485,0.456,0.406",
        ) from None
