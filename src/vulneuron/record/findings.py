"""`Findings`: the list of findings of a record."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, overload

from vulneuron.errors import SavedConflictError, SavedError
from vulneuron.record.saved import Finding, SavedItems, SavedStore, one_title, whole_numbers

if TYPE_CHECKING:
    from vulneuron.record.store import Record

_LONGEST_NOTE = 100_000
_LONGEST_QUERY = 16_384
#: A text names up to so many neurons.
_NAMED_NEURONS = 3

_List = tuple[Finding, ...]


class Findings(Sequence[Finding]):
    """The findings of a record in their order; the value of `Record.findings`.

    It always has the current ones, also those that the dashboard or another process saves, and saves each
    change at once.

    Parameters
    ----------
    record
        A finished record.

    Examples
    --------
    >>> finding = record.findings.add("Looks at the ears.", pair=1, neurons=[0, 2])
    >>> finding.title.endswith(", pair 1, neurons 0 and 2")
    True
    >>> [finding.note for finding in record.findings]
    ['Looks at the ears.']
    >>> _ = record.findings.remove(finding)
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._store = SavedStore(record)

    @property
    def unwritable(self) -> str | None:
        """Why none can be saved, if that is known in advance: the record is read-only or at a URL."""
        return self._store.unwritable

    def __len__(self) -> int:
        return len(self._store.read().findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._store.read().findings)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        return self._store.read().findings[index]

    def __repr__(self) -> str:
        lines = [f"  {number} {finding.title}" for number, finding in enumerate(self)]
        return "\n".join([f"<Findings of {self._record.path}>", *lines])

    def create(
        self,
        note: str = "",
        *,
        pair: int,
        neurons: Iterable[int] = (),
        layer: str | None = None,
        title: str = "",
        query: str = "",
    ) -> Finding:
        """Create a finding without saving it; parameters and errors as for `add`."""
        finding = Finding(
            id=secrets.token_hex(6),
            title=title,
            note=note,
            pair=pair,
            neurons=whole_numbers("neuron", neurons),
            layer=self._record.layer(layer).name,
            query=query,
            created=datetime.now(UTC).replace(microsecond=0),
        )
        return self._checked(finding)

    def add(
        self,
        note: str = "",
        *,
        pair: int,
        neurons: Iterable[int] = (),
        layer: str | None = None,
        title: str = "",
        query: str = "",
    ) -> Finding:
        """Save a finding at the end of the list.

        Parameters
        ----------
        note
            Markdown.
        pair
            Number of a pair.
        neurons
            Numbers of neurons.
        layer
            Target layer of the neurons; if None, the record's last one.
        title
            One line; by default, the labels, the pair and the neurons.
        query
            Further state of the dashboard, as the query of its URL; it ignores what it does not know.

        Raises
        ------
        SavedError
            If the record lacks the pair or a neuron, a text is too long, or the record cannot be written to.
        RecordError
            If the record lacks the layer.
        """
        finding = self.create(note, pair=pair, neurons=neurons, layer=layer, title=title, query=query)
        return self.restore(finding)

    def edit(
        self,
        finding: Finding | str,
        *,
        note: str | None = None,
        title: str | None = None,
        revision: int | None = None,
    ) -> Finding:
        """Change the note or the title of a finding.

        Parameters
        ----------
        finding
            The finding, or its id.
        note
            The new note; None keeps the old one.
        title
            The new title, likewise; the default one if empty.
        revision
            Revision that is edited; None for any.

        Raises
        ------
        SavedConflictError
            If the finding has another revision, because somebody else changed it in the meantime.
        SavedError
            As for `add`, or if the finding was removed.
        """

        def edited(old: Finding) -> Finding:
            if revision is not None and revision != old.revision:
                raise SavedConflictError(
                    f"given revision {revision} of the finding {old.title!r}",
                    allowed=f"its current revision {old.revision}",
                    fix="read the list again, because somebody else has changed it",
                )
            new = old
            if note is not None:
                new = replace(new, note=_checked_text(note, "note", _LONGEST_NOTE))
            if title is not None:
                checked = one_title(title, "title") or self._default_title(old.pair, old.neurons)
                new = replace(new, title=checked)
            return old if new == old else replace(new, revision=old.revision + 1)

        def change(findings: _List) -> _List:
            place = self._place(findings, finding)
            return (*findings[:place], edited(findings[place]), *findings[place + 1 :])

        findings = self._change(change)
        return findings[self._place(findings, finding)]

    def move(self, finding: Finding | str, position: int) -> None:
        """Move a finding to a position of the list, from 0; errors as for `edit`."""

        def change(findings: _List) -> _List:
            place = self._place(findings, finding)
            others = [*findings[:place], *findings[place + 1 :]]
            others.insert(max(0, position), findings[place])
            return tuple(others)

        self._change(change)

    def remove(self, finding: Finding | str) -> Finding:
        """Remove a finding, and return it; errors as for `edit`."""
        removed: list[Finding] = []

        def change(findings: _List) -> _List:
            place = self._place(findings, finding)
            removed[:] = [findings[place]]
            return (*findings[:place], *findings[place + 1 :])

        self._change(change)
        return removed[0]

    def restore(self, finding: Finding, position: int | None = None) -> Finding:
        """Put a removed finding back, at the end by default; one that is in the list stays as it is.

        Errors as for `add`.
        """
        checked = self._checked(finding)

        def change(findings: _List) -> _List:
            if any(other.id == finding.id for other in findings):
                return findings
            place = len(findings) if position is None else max(0, position)
            return (*findings[:place], checked, *findings[place:])

        self._change(change)
        return checked

    def _checked(self, finding: Finding) -> Finding:
        layer = self._record.layer(finding.layer)
        neurons = whole_numbers("neuron", finding.neurons, layer.neurons)
        (pair,) = whole_numbers("pair", [finding.pair], self._record.attributes["counts"]["pairs"])
        return replace(
            finding,
            title=one_title(finding.title, "title") or self._default_title(pair, neurons),
            note=_checked_text(finding.note, "note", _LONGEST_NOTE),
            pair=pair,
            neurons=neurons,
            query=_checked_text(finding.query, "query", _LONGEST_QUERY),
        )

    def _change(self, function: Callable[[_List], _List]) -> _List:
        def change(items: SavedItems) -> SavedItems:
            return replace(items, findings=function(items.findings))

        return self._store.change(change).findings

    def _place(self, findings: _List, finding: Finding | str) -> int:
        name = finding.id if isinstance(finding, Finding) else finding
        for place, other in enumerate(findings):
            if other.id == name:
                return place
        shown = finding.title if isinstance(finding, Finding) else finding
        raise SavedError(
            f"record {self._record.path!r} has no finding {shown!r}",
            allowed="a finding of record.findings",
            fix="read the list again, because it may have been removed",
        )

    def _default_title(self, pair: int, neurons: Sequence[int]) -> str:
        labels = (self._record.array(f"{side}_label")[pair] for side in ("benign", "adversarial"))
        parts = [" → ".join(self._record.class_names[int(label)] for label in labels), f"pair {pair}"]
        if len(neurons):
            parts.append(neurons_in_words(neurons))
        return ", ".join(parts)


def neurons_in_words(neurons: Sequence[int]) -> str:
    """At least one neuron in words: "neuron 209", "neurons 3, 5 and 7", or "12 neurons"."""
    if len(neurons) > _NAMED_NEURONS:
        return f"{len(neurons):,} neurons"
    *others, last = (str(int(neuron)) for neuron in neurons)
    return f"neurons {', '.join(others)} and {last}" if others else f"neuron {last}"


def _checked_text(text: str, what: str, longest: int) -> str:
    if not isinstance(text, str) or len(text) > longest:
        raise SavedError(
            f"given a {what} of {len(text):,} letters" if isinstance(text, str) else f"given {what} {text!r}",
            allowed=f"a text of at most {longest:,} letters",
            fix="shorten it",
        )
    return text
