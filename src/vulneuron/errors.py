"""One-line errors that users can fix: the given value, the allowed values, the fix."""

import difflib
from collections.abc import Iterable

_LONGEST_REASON = 300


class VulneuronError(Exception):
    """Base class of the errors that Vulneuron raises deliberately.

    Parameters
    ----------
    given
        The rejected input, with its value.
    allowed
        The accepted inputs.
    fix
        The remedy; imperative, in lower case.
    """

    def __init__(self, given: str, *, allowed: str, fix: str) -> None:
        self.given = given
        self.allowed = allowed
        self.fix = fix
        sentence = fix[:1].upper() + fix[1:]
        super().__init__(" ".join(f"{given}. Allowed: {allowed}. {sentence}.".split()))

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickling, for errors that cross process boundaries."""
        return (_rebuild, (type(self), self.given, self.allowed, self.fix))


def _rebuild(kind: type[VulneuronError], given: str, allowed: str, fix: str) -> VulneuronError:
    return kind(given, allowed=allowed, fix=fix)


class ModelError(VulneuronError):
    """The model cannot be loaded, or is not a classifier that can be analyzed."""


class ImagesError(VulneuronError):
    """The images, their labels or their class names cannot be used."""


class AttackError(VulneuronError):
    """The attack is unknown, has an invalid parameter, or returned an invalid result."""


class RecordError(VulneuronError):
    """The record cannot be created, opened or resumed."""


class SavedError(VulneuronError):
    """A finding or a group is invalid, unknown, or cannot be saved."""


class SavedConflictError(SavedError):
    """A finding was changed by somebody else in the meantime, or the name of a group is taken."""


class UnknownGroupError(SavedError, KeyError):
    """The record has no group of this name."""

    # A KeyError would show the repr of its message.
    __str__ = Exception.__str__


class RunError(VulneuronError):
    """The run cannot be done with these arguments."""


class NothingToAnalyzeError(RunError):
    """The run attacked no image: none is classified correctly, or all are of the target class."""


class MeasureError(VulneuronError):
    """A measure got an invalid argument: a patch, stride, threshold, label, mask or image."""


class Cancelled(VulneuronError):  # noqa: N818  not a user error
    """A long computation was stopped on request."""


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Suggest the closest candidates; an empty string if none is close."""
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    return f"perhaps you mean {' or '.join(by_lower[match] for match in close)}" if close else ""


def one_line(error: BaseException) -> str:
    """Describe an exception of another library or of user code in one line of bounded length."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
