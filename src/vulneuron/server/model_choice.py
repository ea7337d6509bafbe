"""The network of each record, and the networks that may be loaded automatically."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vulneuron.errors import ModelError, did_you_mean
from vulneuron.record import Record

if TYPE_CHECKING:
    from torch import nn

#: The demo's own network, which records name as a function in a file of this package.
_DEMO_FILE = Path(__file__).parents[1] / "demo.py"
_DEMO_FUNCTION = "demo_model"
#: Plain names only: after `hf-hub:` or `local-dir:`, in any case, timm loads models from other sources.
_BUILT_IN = re.compile(r"(torchvision|timm):[\w.]+(\?.*)?", re.ASCII)
#: Names of records contain none of the punctuation that precedes `=` within a spec.
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9_-]+)=(?P<spec>.+)", re.ASCII)


def model_to_load(record: Record, model: "str | nn.Module | None") -> "str | nn.Module":
    """Spec or module to load a record's network from.

    A record is data, often from other people, so a file that it names is only run if the user names it as
    well. Without `model`, only networks of torchvision, timm and the demo are loaded.

    Parameters
    ----------
    record
        A finished record.
    model
        The network or its spec, if the user has given one.

    Raises
    ------
    ModelError
        If the record names another kind of network.
    """
    if model is not None:
        return model
    named = str(record.attributes["run"]["model"]["spec"])
    if _BUILT_IN.fullmatch(named):
        return named
    file, _, function = named.rpartition(":")
    if Path(file).parts[-2:] == _DEMO_FILE.parts[-2:] and function == _DEMO_FUNCTION:
        return f"{_DEMO_FILE}:{function}"
    raise ModelError(
        f"the record's network {named!r} is not loaded automatically, because that would run its file",
        allowed="networks of torchvision and timm, or one that you name",
        fix=f"start with --model, for example: vulneuron serve {record.path} --model {named}",
    )


@dataclass(frozen=True)
class ModelChoice:
    """Specs of networks that a user has given.

    Attributes
    ----------
    default
        Spec of the network of all other records; None if there is none.
    by_record
        Specs of the networks of single records, by their names.
    """

    default: str | None
    by_record: Mapping[str, str]


def parse_models(texts: Sequence[str], records: Collection[str], *, growing: bool = False) -> ModelChoice:
    """Parse values of ``--model``: ``NAME=SPEC`` for the record of that name, ``SPEC`` alone for all others.

    Parameters
    ----------
    texts
        The values.
    records
        Names of the records.
    growing
        Whether records of other names may appear later.

    Raises
    ------
    ModelError
        If there is no such record, or the same one has two networks.
    """
    by_record: dict[str, str] = {}
    default: str | None = None
    for text in texts:
        match = _NAMED.fullmatch(text)
        name = match["name"] if match else None
        if name is not None and name not in records and not growing:
            raise ModelError(
                f"given --model {text!r} for a record {name!r}",
                allowed=f"NAME=SPEC with one of the names {', '.join(records)}, or SPEC alone",
                fix=did_you_mean(name, records) or "use one of these names",
            )
        if (default is not None) if name is None else (name in by_record):
            scope = "all records" if name is None else f"the record {name!r}"
            raise ModelError(
                f"given two networks for {scope}, the second {text!r}",
                allowed="one SPEC alone, and one NAME=SPEC per record",
                fix=f"write NAME=SPEC with one of the names {', '.join(records)}",
            )
        if match is None:
            default = text
        else:
            by_record[match["name"]] = match["spec"]
    return ModelChoice(default, by_record)


def check_models(records: Mapping[str, str], models: ModelChoice, *, growing: bool = False) -> None:
    """Reject networks that do not belong to their records.

    Parameters
    ----------
    records
        Paths of the records by name.
    models
        Their networks. The default must have made at least one of the records without a network of its own.
    growing
        Whether other records may appear later, so that networks may belong to those.

    Raises
    ------
    ModelError
        If a network cannot be loaded or did not make its record, or the default made none of the others.
    RecordError
        If a record cannot be opened.
    """
    if models.default is None and not models.by_record:
        return
    from vulneuron.analysis import load_classifier  # noqa: PLC0415  imports PyTorch

    for name in models.by_record.keys() & records.keys() if growing else models.by_record:
        load_classifier(records[name], models.by_record[name])
    if models.default is None:
        return
    others = [path for name, path in records.items() if name not in models.by_record]
    if not others:
        if growing:
            return
        raise ModelError(
            f"given --model {models.default!r} for all other records, but there is none",
            allowed="records without a network of their own",
            fix="omit it",
        )
    errors = []
    for record in others:
        try:
            load_classifier(record, models.default)
        except ModelError as error:
            errors.append(error)
        else:
            return
    raise errors[0]
