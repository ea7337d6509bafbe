"""`vulneuron maps`: computes vulnerability maps in advance and stores them in the record."""

import sys
from typing import Annotated

import typer

from vulneuron.analysis import Analysis, Settings, VulnerabilityMapSettings, load_classifier, select_pairs
from vulneuron.cli.map_computation import compute_maps, missing_maps
from vulneuron.cli.options import PAIRS_HELP
from vulneuron.cli.settings_options import Choices, settings_options
from vulneuron.measures.choices import check_whole
from vulneuron.network.batch_size import MEMORY
from vulneuron.plots.texts import count_of
from vulneuron.record import open_record

_MIB = 2**20


@settings_options(VulnerabilityMapSettings, leave_out=("iou_side",))
def command(
    path: Annotated[str, typer.Argument(metavar="RECORD", help="A finished record.")],
    pairs: Annotated[str, typer.Option(help=PAIRS_HELP)],
    model: Annotated[
        str | None, typer.Option(help="Spec of the network. [default: that of `vulneuron analyze`]")
    ] = None,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, `cuda:N`, `mps`.")] = "auto",
    memory: Annotated[
        int,
        typer.Option(
            help="Approximate MiB for the feature maps computed at once; the network itself comes on top.",
        ),
    ] = MEMORY // _MIB,
    *,
    choices: Choices,
) -> None:
    """Compute the vulnerability maps of many pairs; finished maps survive an interruption.

    Example: `vulneuron maps run.zarr --pairs cat:dog --stride 2`
    """
    check_whole(memory, "--memory")
    record = open_record(path)
    settings = Settings().replace(**choices)
    analysis = Analysis(record, settings=settings, memory=memory * _MIB)
    chosen = select_pairs(record, pairs)
    missing = missing_maps(analysis, chosen)
    count = count_of(len(chosen), "pair")
    sys.stderr.write(f"{count}, {len(chosen) - len(missing)} already with maps\n")
    if len(missing):
        analysis.prepare_maps()
        analysis.network.attach(load_classifier(record, model, device=device))
        compute_maps(analysis, missing)
    sys.stderr.write(f"the record contains the vulnerability maps of {count}\n")
