"""Which network of a record may be loaded unasked."""

import re
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from vulneuron.analysis import load_classifier
from vulneuron.errors import ModelError
from vulneuron.record import Record

#: The demo's own network, named as a function of a file of this package.
_DEMO_FILE = Path(__file__).parents[1] / "demo.py"
_DEMO_FUNCTION = "demo_model"
#: Plain names only: after `hf-hub:` or `local-dir:`, in any case, timm loads the model of a stranger.
_BUILT_IN = re.compile(r"(torchvision|timm):[\w.]+(\?.*)?", re.ASCII)


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


def check_given(records: Sequence[str], model: str) -> None:
    """Make sure that a network that the user names is that of one of the records at least.

    Raises
    ------
    ModelError
        If it cannot be loaded, or is the network of none of them.
    RecordError
        If a record cannot be opened.
    """
    errors = []
    for record in records:
        try:
            load_classifier(record, model)
        except ModelError as error:
            errors.append(error)
        else:
            return
    raise errors[0]
