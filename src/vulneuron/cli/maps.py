"""`vulneuron maps`: computes vulnerability maps beforehand and keeps them in the record."""

import sys
import time
from typing import Annotated

import typer

from vulneuron.analysis import Analysis, Settings, load_classifier, select_pairs
from vulneuron.cli.options import resumable
from vulneuron.pipeline.progress import RunProgress
from vulneuron.record import open_record


def command(
    path: Annotated[str, typer.Argument(metavar="RECORD", help="A finished record.")],
    pairs: Annotated[str, typer.Option(help="`all`, numbers such as `1,2`, or a cell such as `cat:dog`.")],
    patch: Annotated[
        int | None,
        typer.Option(help="Side of a patch in pixels, even. [default: 1/8 of the image, at least 4]"),
    ] = None,
    stride: Annotated[int, typer.Option(help="Pixels from one patch to the next.")] = 1,
    model: Annotated[
        str | None, typer.Option(help="Where the network is now. [default: where it was for analyze]")
    ] = None,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, `cuda:N`, `mps`.")] = "auto",
) -> None:
    """Compute vulnerability maps of many pairs; what is there already is kept, so it can be interrupted.

    Example: `vulneuron maps run.zarr --pairs cat:dog --stride 2`
    """
    record = open_record(path)
    chosen = select_pairs(record, pairs)
    settings = Settings(patch=patch, stride=stride)
    known = Analysis(record)
    missing = [int(pair) for pair in chosen if not known.has_maps(int(pair), settings=settings)]
    sys.stderr.write(f"{len(chosen)} pairs, {len(chosen) - len(missing)} of them have their maps already\n")
    if not missing:
        return
    analysis = Analysis(record, load_classifier(record, model, device=device))
    with resumable(), RunProgress() as bars:
        start = time.perf_counter()
        analysis.vulnerability_maps(missing[0], patch, stride)
        seconds = (time.perf_counter() - start) * (len(missing) - 1)
        sys.stderr.write(f"the first took {seconds / max(len(missing) - 1, 1):.1f} s, ")
        sys.stderr.write(f"the other {len(missing) - 1} will take about {_duration(seconds)}\n")
        bars.begin("Vulnerability maps", len(missing), done=1)
        for pair in missing[1:]:
            analysis.vulnerability_maps(pair, patch, stride)
            bars.advance(1)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return (
        f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
    )
