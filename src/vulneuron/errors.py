"""Errors that a user can mend, each in one line: what was given, what is allowed, what to do next."""

import difflib
from collections.abc import Iterable

_LONGEST_REASON = 300


class VulneuronError(Exception):
    """Base of every error that Vulneuron raises on purpose.

    Parameters
    ----------
    given
        What was given or found, with its value.
    allowed
        What would have been accepted.
    fix
        What to do next.
    """

    def __init__(self, given: str, *, allowed: str, fix: str) -> None:
        self.given = given
        self.allowed = allowed
        self.fix = fix
        sentence = fix[:1].upper() + fix[1:]
        super().__init__(" ".join(f"{given}. Allowed: {allowed}. {sentence}.".split()))

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the error picklable, so that it crosses process borders."""
        return (_rebuild, (type(self), self.given, self.allowed, self.fix))


def _rebuild(kind: type[VulneuronError], given: str, allowed: str, fix: str) -> VulneuronError:
    return kind(given, allowed=allowed, fix=fix)


class ModelError(VulneuronError):
    """The model cannot be loaded, or is no classifier that can be analyzed."""


class ImagesError(VulneuronError):
    """The images, their labels or their class names cannot be used."""


class AttackError(VulneuronError):
    """The attack is unknown, has a bad parameter, or returned what no attack may return."""


class RecordError(VulneuronError):
    """The record cannot be created, opened, or continued."""


class RunError(VulneuronError):
    """The run cannot be done as it was asked for."""


class NothingToAnalyzeError(RunError):
    """The run has come to an end without a pair: no correct prediction, or no success."""


class MeasureError(VulneuronError):
    """A measure was asked for what it cannot give: a bad patch, stride, threshold, label, mask or image."""


class Cancelled(VulneuronError):  # noqa: N818  what is meant is no error of the user
    """A long computation was stopped on request; nothing of it is kept."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Name the closest known names in a hint; an empty string if nothing is close."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    return f"Perhaps you mean {' or '.join(by_lower[match] for match in close)}" if close else ""


def one_line(error: BaseException) -> str:
    """Describe another library's or a user's exception in one line of bounded length."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
