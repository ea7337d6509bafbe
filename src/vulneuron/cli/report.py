"""`vulneuron report`: the dashboard of some pairs as files that need no server."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vulneuron.cli.options import LAYER_HELP, PAIRS_HELP
from vulneuron.errors import MeasureError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from vulneuron.server.summary import OpenedLayer

_DEFAULT_COUNT = 20
_MB = 10**6


def command(
    path: Annotated[str, typer.Argument(metavar="RECORD", help="A finished record.")],
    out: Annotated[Path, typer.Option(help="The folder to write; with --single-file, the HTML file.")],
    pairs: Annotated[
        str | None,
        typer.Option(
            help=f"{PAIRS_HELP} [default: the pairs that the dashboard shows first]",
        ),
    ] = None,
    findings: Annotated[
        bool,
        typer.Option("--findings", help="The pairs of the record's findings, with the findings and groups."),
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(help="The first pairs by perturbation. [default: all that are named, otherwise 20]"),
    ] = None,
    single_file: Annotated[
        bool, typer.Option("--single-file", help="Write one HTML file, which loads everything at once.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier report.")] = False,
    layer: Annotated[str | None, typer.Option(help=LAYER_HELP)] = None,
    model: Annotated[
        str | None, typer.Option(help="Spec of the network, to compute missing vulnerability maps.")
    ] = None,
) -> None:
    """Write the dashboard of some pairs as files that need no server, for a paper or a web host.

    Example: `vulneuron report run.zarr --pairs cat:dog --count 20 --out site`
    """
    from vulneuron.analysis import Analysis, load_classifier
    from vulneuron.cli.map_computation import compute_maps, missing_maps
    from vulneuron.measures.choices import check_whole
    from vulneuron.pipeline.progress import RunProgress
    from vulneuron.plots.texts import count_of
    from vulneuron.record import open_record
    from vulneuron.server.network import RecordNetwork
    from vulneuron.server.record_names import record_names
    from vulneuron.server.report import ReportContents, write_report
    from vulneuron.server.report.writing import check_out
    from vulneuron.server.summary import OpenedRecord

    if count is not None:
        check_whole(count, "--count")
    if single_file and out.suffix.lower() not in {".html", ".htm"}:
        raise MeasureError(f"given --out {out}", allowed="a name that ends in .html", fix="rename it")
    check_out(out, overwrite=overwrite)
    record = open_record(path)
    record.require_pairs()
    if layer is not None:
        record.layer(layer)
    (name,) = record_names([path])
    opened = OpenedRecord(record, name, partial(RecordNetwork, name=name)).at(layer)
    contents = ReportContents(opened, _chosen(opened, pairs, count, findings=findings), findings=findings)
    analysis = Analysis(record, layer=layer, settings=contents.first)
    if model is not None:
        classifier = load_classifier(record, model)
        analysis.network.attach(classifier)
        opened.analysis.network.attach(classifier)
        compute_maps(analysis, missing_maps(analysis, contents.pairs))
    without = len(missing_maps(analysis, contents.pairs))
    if without:
        sys.stderr.write(
            f"note: {without} of {count_of(len(contents.pairs), 'pair')} without vulnerability maps "
            "and IoUs: `vulneuron maps` or --model computes them\n"
        )
    with RunProgress() as bars:
        bars.begin("Report", len(contents.pairs))

        def progress(done: int, _total: int) -> None:
            if done:
                bars.advance(1)

        written = write_report(
            contents, out, name, single_file=single_file, overwrite=overwrite, progress=progress
        )
    size = written.size / _MB
    sys.stdout.write(
        f"{count_of(written.pairs, 'pair')}, {size:.{0 if size >= 10 else 1}f} MB, {written.page}\n"
    )


def _chosen(
    layer: OpenedLayer, pairs: str | None, count: int | None, *, findings: bool
) -> npt.NDArray[np.int64]:
    """The pairs of the report: those of findings in their order, others as in the dashboard."""
    from vulneuron.analysis import select_pairs

    if findings:
        return _of_findings(layer, pairs)[:count]
    chosen = layer.first_pairs if pairs is None else select_pairs(layer.record, pairs)
    ordered = layer.analysis.order_pairs("l2_up", chosen)
    most = _DEFAULT_COUNT if pairs is None and count is None else count
    return ordered[:most]


def _of_findings(layer: OpenedLayer, pairs: str | None) -> npt.NDArray[np.int64]:
    import numpy as np

    if pairs is not None:
        raise MeasureError(
            "both --findings and --pairs were given", allowed="one of them", fix="leave one of them out"
        )
    of_findings = list(dict.fromkeys(finding.pair for finding in layer.record.findings))
    if not of_findings:
        raise MeasureError(
            "the record has no findings",
            allowed="a record with findings, or --pairs",
            fix="save findings with record.findings.add",
        )
    return np.array(of_findings, np.int64)
