"""JSON bodies about findings and groups."""

from datetime import datetime
from typing import Annotated, Self
from urllib.parse import parse_qsl, urlencode

from pydantic import Field

from vulneuron.record import Finding, Group
from vulneuron.record.saved import SavedStore
from vulneuron.server.dto import Model
from vulneuron.server.parsing import format_numbers
from vulneuron.server.summary import OpenedLayer

#: Numbers of pairs or neurons; the record limits them further.
Numbers = Annotated[list[int], Field(max_length=1_000_000)]
Query = Annotated[str, Field(max_length=16_384, description="State of the page, as the query of its URL.")]


class FindingModel(Model):
    """A state of the page with a note."""

    id: str = Field(max_length=64)
    title: str
    note: str = Field(description="Markdown; may be empty.")
    pair: int = Field(ge=0)
    neurons: Numbers
    layer: str
    query: Query
    created: datetime
    revision: int = Field(ge=0, description="Number of times that its title or note was changed.")

    @classmethod
    def of(cls, finding: Finding, layer: OpenedLayer) -> Self:
        """A stored finding, with the query that shows it."""
        # A finding made in Python may have no query, and the record may have another name now.
        query = {
            "pair": str(finding.pair),
            **({"neurons": format_numbers(finding.neurons)} if finding.neurons else {}),
            **dict(parse_qsl(finding.query, keep_blank_values=True)),
            "record": layer.id,
            "layer": finding.layer,
        }
        return cls(**{**vars(finding), "neurons": list(finding.neurons), "query": urlencode(query)})

    def finding(self) -> Finding:
        """The finding as the record stores it."""
        return Finding(**{**dict(self), "neurons": tuple(self.neurons)})


class GroupModel(Model):
    """A named set of neurons, or of pairs."""

    name: str
    neurons: Numbers
    pairs: Numbers
    layer: str | None = Field(description="Target layer of the neurons; null for the last one, or for pairs.")

    @classmethod
    def of(cls, name: str, group: Group) -> Self:
        """A stored group."""
        return cls(name=name, neurons=list(group.neurons), pairs=list(group.pairs), layer=group.layer)

    def group(self) -> Group:
        """The group as the record stores it."""
        return Group(neurons=self.neurons, pairs=self.pairs, layer=self.layer)


class SavedModel(Model):
    """All findings and groups of a record, in their orders."""

    unwritable: str | None = Field(description="Why nothing can be saved; null if something can.")
    findings: list[FindingModel]
    groups: list[GroupModel]

    @classmethod
    def of(cls, layer: OpenedLayer) -> Self:
        """The current ones of a record."""
        store = SavedStore(layer.record)
        items = store.read()
        return cls(
            unwritable=store.unwritable,
            findings=[FindingModel.of(finding, layer) for finding in items.findings],
            groups=[GroupModel.of(name, group) for name, group in items.groups.items()],
        )


class NewFinding(Model):
    """A finding to save."""

    note: str = ""
    pair: int
    neurons: Numbers = Field(default=[])
    query: Query = ""


class FindingChange(Model):
    """Changes of a finding; null where it stays as it is."""

    title: str | None = None
    note: str | None = None
    revision: int | None = Field(
        default=None, description="Revision whose title or note is changed; another one is a conflict."
    )
    position: int | None = Field(default=None, ge=0, description="New place in the list, from 0.")


class RestoredFinding(Model):
    """A removed finding to put back."""

    finding: FindingModel
    position: int = Field(ge=0)


class GroupName(Model):
    """New name of a group."""

    name: str
    new_name: str


class FindingsText(Model):
    """Findings to write as Markdown."""

    address: str = Field(max_length=4096, description="URL of the page without its query, for links.")
    findings: Annotated[list[FindingModel], Field(max_length=10_000)]
