"""What users save in a finished record: findings and named groups; attributes of its group ``saved``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vulneuron.errors import SavedError, one_line
from vulneuron.measures.choices import as_integer
from vulneuron.record.growing import writable_root
from vulneuron.record.location import is_remote
from vulneuron.record.locking import short_lock, write_lock
from vulneuron.record.opening import open_group
from vulneuron.record.schema import SAVED

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from vulneuron.record.store import Record

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A state of the dashboard with a note; made by `Findings.add`.

    Attributes
    ----------
    id
        Identifies it in its record.
    title
        One line.
    note
        Markdown; may be empty.
    pair
        The focused pair.
    neurons
        The selected neurons, ascending; may be empty.
    layer
        Their target layer.
    query
        Further state of the dashboard, as the query of its URL.
    created
        Time at which it was saved, in UTC.
    revision
        Number of times that its title or note was changed.
    """

    id: str
    title: str
    note: str
    pair: int
    neurons: tuple[int, ...]
    layer: str
    query: str
    created: datetime
    revision: int = 0


@dataclass(frozen=True, init=False)
class Group:
    """A set of neurons of one layer, or a set of pairs; saved with a name in `Record.groups`.

    Parameters
    ----------
    neurons
        Numbers of neurons; kept unique and ascending.
    pairs
        Numbers of pairs, likewise. A group has neurons or pairs, but not both.
    layer
        Target layer of the neurons; if None, the record's last one once the group is saved.

    Raises
    ------
    SavedError
        If it has no members, members of both kinds, or members that are no integers.
    """

    neurons: tuple[int, ...] = ()
    pairs: tuple[int, ...] = ()
    layer: str | None = None

    def __init__(
        self, *, neurons: Iterable[int] = (), pairs: Iterable[int] = (), layer: str | None = None
    ) -> None:
        object.__setattr__(self, "neurons", whole_numbers("neuron", neurons))
        object.__setattr__(self, "pairs", whole_numbers("pair", pairs))
        object.__setattr__(self, "layer", layer)
        if bool(self.neurons) == bool(self.pairs):
            raise SavedError(
                f"given a group of {len(self.neurons)} neurons and {len(self.pairs)} pairs",
                allowed="a group of neurons, or a group of pairs",
                fix="pass either, such as Group(neurons=[4, 9])",
            )
        if self.pairs and self.layer is not None:
            raise SavedError(
                f"given the layer {self.layer!r} of a group of pairs",
                allowed="a layer of a group of neurons",
                fix="leave it out, because pairs do not depend on the layer",
            )


@dataclass(frozen=True)
class SavedItems:
    """All findings, in their order, and groups by name."""

    findings: tuple[Finding, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)


class SavedStore:
    """Reads and changes the saved items of a record.

    Each change reads the latest items and replaces their file as a whole, under a lock, so simultaneous
    changes by several processes are all kept.

    Parameters
    ----------
    record
        A finished record.
    """

    def __init__(self, record: Record) -> None:
        record.require_complete()
        self._record = record

    @property
    def unwritable(self) -> str | None:
        """Why nothing can be saved in this record, as far as known in advance; None if something can."""
        if is_remote(self._record.path):
            return "the record is at a URL"
        return None if os.access(self._record.path, os.W_OK) else "the record is read-only"

    def read(self) -> SavedItems:
        """The current items.

        Raises
        ------
        SavedError
            If their file is damaged, or was written by a newer version.
        """
        try:
            stored: Any = open_group(self._record.path).get(SAVED)
            values = None if stored is None else dict(stored.attrs)
            version = _VERSION if values is None else int(values["version"])
            if version == _VERSION:
                return SavedItems() if values is None else _adapter().validate_python(values)
        except Exception as error:  # Zarr raises many types on damaged metadata
            raise self._damaged(error) from error
        raise SavedError(
            f"the findings and groups of record {self._record.path!r} have version {version}",
            allowed=f"version {_VERSION}",
            fix="upgrade with `pip install -U vulneuron`",
        )

    def change(self, function: Callable[[SavedItems], SavedItems]) -> SavedItems:
        """Replace the items by a function of the current ones; returns the new ones.

        Raises
        ------
        SavedError
            If the record cannot be written to, or its items cannot be read.
        """
        if self.unwritable is not None:
            raise self._not_saved(self.unwritable)
        folder = Path(self._record.path) / SAVED
        try:
            folder.mkdir(exist_ok=True)
            # The second lock is for a record in a folder that is not writable, where the first one is none.
            with write_lock(self._record.path), short_lock(folder / ".lock", self._record.path):
                before = self.read()
                after = function(before)
                if after != before:
                    self._write(after)
                return after
        except OSError as error:
            raise self._not_saved(one_line(error)) from error

    def _write(self, items: SavedItems) -> None:
        values = {"version": _VERSION, **_adapter().dump_python(items, mode="json")}
        root = writable_root(self._record)
        stored: Any = root.get(SAVED)
        # Either is a single write of a file, which replaces the old one.
        if stored is None:
            root.create_group(SAVED, attributes=values)
        else:
            stored.attrs.put(values)

    def _not_saved(self, reason: str) -> SavedError:
        return SavedError(
            f"findings and groups cannot be saved in record {self._record.path!r} ({reason})",
            allowed="a record in a writable folder",
            fix="change its permissions, free some space, or copy the record",
        )

    def _damaged(self, error: Exception) -> SavedError:
        file = f"{self._record.path.rstrip('/')}/{SAVED}/zarr.json"
        return SavedError(
            f"the findings and groups of record {self._record.path!r} cannot be read ({one_line(error)})",
            allowed=f"an undamaged file {file!r}",
            fix="repair it, restore it from a copy, or delete it to start over",
        )


@cache
def _adapter() -> TypeAdapter[SavedItems]:
    from pydantic import TypeAdapter  # noqa: PLC0415  slow to import

    return TypeAdapter(SavedItems)


def whole_numbers(name: str, values: Iterable[object], count: int | None = None) -> tuple[int, ...]:
    """Unique ascending numbers of pairs or neurons.

    Parameters
    ----------
    name
        "pair" or "neuron", for the message.
    values
        The given numbers.
    count
        Number of pairs or neurons of the record; None to allow any.

    Raises
    ------
    SavedError
        If one of them is no integer from 0 to ``count - 1``.
    """
    numbers = set()
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        values = [values]
    for value in values:
        number = as_integer(value)
        if number is None or number < 0 or (count is not None and number >= count):
            raise SavedError(
                f"given {name} {value!r}",
                allowed="numbers from 0" + (f" to {count - 1}" if count is not None else ""),
                fix=f"pass numbers of {name}s of this record, such as [0, 1]",
            )
        numbers.add(number)
    return tuple(sorted(numbers))


def one_title(text: str, what: str) -> str:
    """A title or name without surrounding space.

    Raises
    ------
    SavedError
        If it is longer than a line.
    """
    title = text.strip() if isinstance(text, str) else text
    if not isinstance(title, str) or len(title) > 200 or not title.isprintable():
        raise SavedError(
            f"given the {what} {title!r}"[:120],
            allowed="one line of at most 200 letters",
            fix="shorten it, or use the note of a finding",
        )
    return title


def checked_group(record: Record, group: Group) -> Group:
    """A group whose members the record has, with the name of their layer.

    Raises
    ------
    SavedError
        If the record lacks one of the members.
    RecordError
        If it lacks the layer.
    """
    if group.pairs:
        return replace(group, pairs=whole_numbers("pair", group.pairs, record.attributes["counts"]["pairs"]))
    layer = record.layer(group.layer)
    return replace(group, neurons=whole_numbers("neuron", group.neurons, layer.neurons), layer=layer.name)
