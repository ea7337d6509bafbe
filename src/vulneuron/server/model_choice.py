"""Which network belongs to which record, and which one may be loaded unasked."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from vulneuron.analysis import load_classifier
from vulneuron.errors import ModelError, did_you_mean
from vulneuron.record import Record

#: The demo's own network, named as a function of a file of this package.
_DEMO_FILE = Path(__file__).parents[1] / "demo.py"
_DEMO_FUNCTION = "demo_model"
#: Plain names only: after `hf-hub:` or `local-dir:`, in any case, timm loads the model of a stranger.
_BUILT_IN = re.compile(r"(torchvision|timm):[\w.]+(\?.*)?", re.ASCII)
#: A record's name has none of the marks that stand before a `=` within a spec.
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9_-]+)=(?P<spec>.+)", re.ASCII)


def model_to_load(record: Record, given: str | nn.Module | None) -> str | nn.Module:
    """Where to load a record's network from.

    A record is data, often somebody else's, so that no code of a file that it names is run unasked: only
    networks that torchvision and timm build, and the demo's, are loaded without `given`.

    Parameters
    ----------
    record
        A finished record.
    given
        The network, or where the user says that it is; None if the user says nothing.

    Raises
    ------
    ModelError
        If the record names another kind of network.
    """
    if given is not None:
        return given
    named = str(record.attributes["run"]["model"]["spec"])
    if _BUILT_IN.fullmatch(named):
        return named
    file, _, function = named.rpartition(":")
    if Path(file).parts[-2:] == _DEMO_FILE.parts[-2:] and function == _DEMO_FUNCTION:
        return f"{_DEMO_FILE}:{function}"
    raise ModelError(
        f"the record's network {named!r} is not loaded unasked, as that would run a file that a record names",
        allowed="networks of torchvision and timm, or any that you name",
        fix=f"start with --model, for example: vulneuron serve {record.path} --model {named}",
    )


@dataclass(frozen=True)
class GivenModels:
    """Networks that a user names for some records.

    Attributes
    ----------
    usual
        Where the network is of all records without one of their own; None if the user does not say.
    own
        Where those of single records are, by the records' names.
    """

    usual: str | None
    own: Mapping[str, str]


def parse_models(given: Sequence[str], records: Collection[str]) -> GivenModels:
    """Networks as texts: ``NAME=SPEC`` for the record of that name, ``SPEC`` alone for all others.

    Parameters
    ----------
    given
        The texts.
    records
        Names of the records.

    Raises
    ------
    ModelError
        If there is no such record, or two networks are given for the same.
    """
    own: dict[str, str] = {}
    usual: str | None = None
    for text in given:
        named = _NAMED.fullmatch(text)
        name = named["name"] if named else None
        if name is not None and name not in records:
            raise ModelError(
                f"given --model {text!r} for a record {name!r}",
                allowed=f"NAME=SPEC with one of the names {', '.join(records)}, or SPEC alone",
                fix=did_you_mean(name, records) or "use one of these names",
            )
        if (usual is not None) if name is None else (name in own):
            whom = "all records" if name is None else f"the record {name!r}"
            raise ModelError(
                f"given two networks for {whom}, the second one being {text!r}",
                allowed="one SPEC alone, and one NAME=SPEC a record",
                fix=f"write NAME=SPEC with one of the names {', '.join(records)}",
            )
        if named is None:
            usual = text
        else:
            own[named["name"]] = named["spec"]
    return GivenModels(usual, own)


def check_given(records: Mapping[str, str], models: GivenModels) -> None:
    """Make sure that the networks that a user names are those of their records.

    Parameters
    ----------
    records
        Paths of the records by name.
    models
        The usual one has to be that of one record at least.

    Raises
    ------
    ModelError
        If a network cannot be loaded, or is not that of its record, or of none of the others.
    RecordError
        If a record cannot be opened.
    """
    for name, model in models.own.items():
        load_classifier(records[name], model)
    if models.usual is None:
        return
    others = [path for name, path in records.items() if name not in models.own]
    if not others:
        raise ModelError(
            f"given --model {models.usual!r} for all other records, and there is none",
            allowed="records without a network of their own",
            fix="leave it out",
        )
    errors = []
    for record in others:
        try:
            load_classifier(record, models.usual)
        except ModelError as error:
            errors.append(error)
        else:
            return
    raise errors[0]
