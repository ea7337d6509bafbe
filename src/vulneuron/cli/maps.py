"""`vulneuron maps`: computes vulnerability maps beforehand and keeps them in the record."""

import sys
from typing import Annotated, Literal

import typer

PATCH_HELP = "Side of a patch in pixels, even. [default: 1/8 of the image, at least 4]"
STRIDE_HELP = "Pixels from one patch to the next."
_MIB = 2**20


def command(
    path: Annotated[str, typer.Argument(metavar="RECORD", help="A finished record.")],
    pairs: Annotated[str, typer.Option(help="`all`, numbers such as `1,2`, or a cell such as `cat:dog`.")],
    patch: Annotated[int | None, typer.Option(help=PATCH_HELP)] = None,
    stride: Annotated[int, typer.Option(help=STRIDE_HELP)] = 1,
    engine: Annotated[
        Literal["dense", "incremental", "anytime"],
        typer.Option(
            help="`incremental` and `dense` are exact; `anytime` settles the most vulnerable pixels."
        ),
    ] = "incremental",
    model: Annotated[
        str | None, typer.Option(help="Where the network is now. [default: where it was for analyze]")
    ] = None,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, `cuda:N`, `mps`.")] = "auto",
    memory: Annotated[
        int | None,
        typer.Option(
            help="MiB that the network's feature maps may take at once, about; the network itself comes on "
            "top. [default: 256]",
        ),
    ] = None,
) -> None:
    """Compute vulnerability maps of many pairs; all that was computed is kept, so it can be interrupted.

    Example: `vulneuron maps run.zarr --pairs cat:dog --stride 2`
    """
    from vulneuron.analysis import Analysis, Settings, load_classifier, select_pairs
    from vulneuron.cli.map_computation import compute_maps, missing_maps
    from vulneuron.measures.choices import check_whole
    from vulneuron.network.batch_size import MEMORY
    from vulneuron.record import open_record

    if memory is not None:
        check_whole(memory, "--memory")
    record = open_record(path)
    settings = Settings(patch=patch, stride=stride, engine=engine)
    analysis = Analysis(record, settings=settings, memory=MEMORY if memory is None else memory * _MIB)
    chosen = select_pairs(record, pairs)
    missing = missing_maps(analysis, chosen)
    pair_s = "1 pair" if len(chosen) == 1 else f"{len(chosen)} pairs"
    sys.stderr.write(f"{pair_s}, {len(chosen) - len(missing)} with maps already\n")
    if len(missing):
        analysis.prepare_maps()
        analysis.network.attach(load_classifier(record, model, device=device))
        compute_maps(analysis, missing)
