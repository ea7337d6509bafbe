"""`Groups`: the named groups of neurons and pairs of a record."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, MutableMapping, ValuesView
from dataclasses import replace
from typing import TYPE_CHECKING

from vulneuron.errors import SavedConflictError, SavedError, UnknownGroupError, did_you_mean
from vulneuron.record.saved import Group, SavedItems, SavedStore, checked_group, one_title

if TYPE_CHECKING:
    from vulneuron.record.store import Record

_Items = dict[str, Group]


class Groups(MutableMapping[str, Group]):
    """The groups of a record by name, in their order; the value of `Record.groups`.

    It always has the current ones, also those that the dashboard or another process saves, and saves each
    change at once.

    Parameters
    ----------
    record
        A finished record.

    Examples
    --------
    >>> record.groups["eyes"] = vn.Group(neurons=[2, 0])
    >>> record.groups["eyes"].neurons
    (0, 2)
    >>> record.groups.rename("eyes", "ears")
    >>> del record.groups["ears"]
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._store = SavedStore(record)

    def __len__(self) -> int:
        return len(self._store.read().groups)

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.read().groups)

    def __getitem__(self, name: str) -> Group:
        """Group of a name.

        Raises
        ------
        UnknownGroupError
            If there is none.
        """
        return _known(self._store.read().groups, name)

    def __setitem__(self, name: str, group: Group) -> None:
        """Save a group, or replace the one of this name.

        Raises
        ------
        SavedError
            If the record lacks one of the members, the name is empty, or the record cannot be written to.
        RecordError
            If the record lacks the layer.
        """
        self._save(name, group, replaces=True)

    def __delitem__(self, name: str) -> None:
        """Remove a group; errors as for `__getitem__`."""

        def change(groups: _Items) -> _Items:
            _known(groups, name)
            return {other: group for other, group in groups.items() if other != name}

        self._change(change)

    def items(self) -> ItemsView[str, Group]:
        """Names and groups, of one moment."""
        return self._store.read().groups.items()

    def values(self) -> ValuesView[Group]:
        """The groups, of one moment."""
        return self._store.read().groups.values()

    def __repr__(self) -> str:
        lines = [f"  {name}: {_members(group)}" for name, group in self.items()]
        return "\n".join([f"<Groups of {self._record.path}>", *lines])

    def add(self, name: str, group: Group) -> None:
        """Save a group under a new name.

        Raises
        ------
        SavedConflictError
            If the name is taken.
        SavedError
            As for `__setitem__`.
        """
        self._save(name, group, replaces=False)

    def rename(self, name: str, new: str) -> None:
        """Give a group another name; it keeps its place. Errors as for `add`."""
        checked = _checked_name(new)

        def change(groups: _Items) -> _Items:
            _known(groups, name)
            if checked != name:
                _require_free(groups, checked)
            return {checked if other == name else other: group for other, group in groups.items()}

        self._change(change)

    def _save(self, name: str, group: Group, *, replaces: bool) -> None:
        checked = _checked_name(name)
        if not isinstance(group, Group):
            raise SavedError(
                f"given a group of type {type(group).__name__}",
                allowed="a Group",
                fix="pass for example Group(neurons=[4, 9])",
            )
        valid = checked_group(self._record, group)

        def change(groups: _Items) -> _Items:
            if not replaces:
                _require_free(groups, checked)
            return {**groups, checked: valid}

        self._change(change)

    def _change(self, function: Callable[[_Items], _Items]) -> None:
        def change(items: SavedItems) -> SavedItems:
            return replace(items, groups=function(dict(items.groups)))

        self._store.change(change)


def _checked_name(name: str) -> str:
    checked = one_title(name, "name")
    if not checked:
        raise SavedError("given an empty name", allowed="a name of a group", fix="name the group")
    return checked


def _require_free(groups: _Items, name: str) -> None:
    if name in groups:
        raise SavedConflictError(
            f"there is a group {name!r} already: {_members(groups[name])}",
            allowed="a new name",
            fix="choose another name, or remove that group",
        )


def _known(groups: Mapping[str, Group], name: str) -> Group:
    if name not in groups:
        raise UnknownGroupError(
            f"given group {name!r}",
            allowed=", ".join(groups) or "none, because the record has no groups",
            fix=did_you_mean(str(name), groups) or "save it first",
        )
    return groups[name]


def _members(group: Group) -> str:
    count, name = (len(group.neurons), "neuron") if group.neurons else (len(group.pairs), "pair")
    return f"{count:,} {name}{'' if count == 1 else 's'}"
