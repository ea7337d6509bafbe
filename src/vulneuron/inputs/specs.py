"""Spec strings ``TARGET?key=value&key=value``, which name models, data sets and attacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vulneuron.errors import VulneuronError, did_you_mean

_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class Spec:
    """A parsed spec string.

    Attributes
    ----------
    text
        The whole string.
    target
        The part before ``?``.
    options
        The part after ``?``, as a dict.
    kind
        The error to raise for an invalid value.
    """

    text: str
    target: str
    options: Mapping[str, str]
    kind: type[VulneuronError]

    def number(self, key: str) -> int | None:
        """A positive integer option, or None if missing."""
        value = self.options.get(key)
        if value is None:
            return None
        if not value.isascii() or not value.isdigit() or int(value) == 0:
            raise self.kind(
                f"given {key}={value} in {self.text!r}",
                allowed="a positive integer",
                fix=f"write for example {key}=10",
            )
        return int(value)

    def flag(self, key: str) -> bool:
        """A boolean option, or False if missing."""
        value = self.options.get(key, "false")
        if value.lower() not in _FLAGS:
            raise self.kind(
                f"given {key}={value} in {self.text!r}",
                allowed="true or false",
                fix=f"write {key}=true, or leave out {key}",
            )
        return _FLAGS[value.lower()]


def split_spec(text: str, kind: type[VulneuronError]) -> tuple[str, dict[str, str]]:
    """Split a spec string into its target and its options.

    Values are taken literally, without percent-encoding, so paths can be pasted.

    Raises
    ------
    VulneuronError
        Of this ``kind``, if an option has no name, has no value or is given twice.
    """
    target, _, query = text.partition("?")
    options: dict[str, str] = {}
    for part in query.split("&") if query else ():
        key, _, value = part.partition("=")
        if not key or not value or key in options:
            twice = " twice" if key in options else ""
            raise kind(
                f"given the option {part!r}{twice} in {text!r}",
                allowed="TARGET?key=value&key=value, each key once",
                fix="leave it out, or write it as key=value",
            )
        options[key] = value
    return target, options


def parse_spec(text: str, *, allowed: Sequence[str], kind: type[VulneuronError]) -> Spec:
    """Split a spec string into its target and its options, and check the options' names.

    Raises
    ------
    VulneuronError
        Of this ``kind``, like `split_spec`, or if an option is not allowed.
    """
    target, options = split_spec(text, kind)
    unknown = next((key for key in options if key not in allowed), None)
    if unknown is not None:
        raise kind(
            f"given the option {f'{unknown}={options[unknown]}'!r} in {text!r}",
            allowed=", ".join(f"{name}=..." for name in allowed) + ", each once",
            fix=did_you_mean(unknown, allowed) or "leave it out",
        )
    return Spec(text, target, options, kind)
