"""`vulneuron neurons`: a table of vulnerable neurons."""

import io
import sys
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
import typer

from vulneuron.analysis import (
    DEFAULT_SORTS,
    Analysis,
    checked_pairs,
    load_classifier,
    named_cell,
    sort_measure,
    sorted_neurons,
)
from vulneuron.analysis.settings import CurveSettings, FieldSettings, VulnerabilityMapSettings
from vulneuron.cli.map_computation import compute_maps, missing_maps
from vulneuron.cli.neuron_table import print_table
from vulneuron.cli.options import LAYER_HELP
from vulneuron.cli.settings_options import Choices, settings_options
from vulneuron.errors import MeasureError
from vulneuron.measures import MEASURES
from vulneuron.measures.choices import check_choice, check_whole
from vulneuron.record import Record, open_record

FORMATS = ("table", "csv", "json", "parquet")
_DEFAULT_ROWS = 25


@settings_options(CurveSettings, FieldSettings, VulnerabilityMapSettings)
def command(
    path: Annotated[str, typer.Argument(metavar="RECORD", help="A finished record.")],
    pair: Annotated[int | None, typer.Option(help="Number of a pair.")] = None,
    cell: Annotated[
        str | None,
        typer.Option(
            help="A cell `cat:dog` of the prediction matrix, a row `cat:`, or a column `:dog`: shows means "
            "over its pairs, and ranks."
        ),
    ] = None,
    sort_by: Annotated[
        str | None,
        typer.Option(
            help=f"Measure to sort by: {', '.join(MEASURES.sortable_names)}. "
            f"[default: the first of {', '.join(DEFAULT_SORTS)} that has values]"
        ),
    ] = None,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="Show the other end first, such as the most excited neurons.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            help="Number of neurons to show; a table shows both ends of a gap. "
            "[default: 25 in a table, otherwise all]"
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("--format", help="`table`, or for all columns `csv`, `json` or `parquet`.")
    ] = "table",
    layer: Annotated[str | None, typer.Option(help=LAYER_HELP)] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Spec of the network, to compute missing vulnerability maps."),
    ] = None,
    *,
    choices: Choices,
) -> None:
    """List the neurons of a pair, or of a cell of the prediction matrix, with all measures.

    IoUs need vulnerability maps: compute them first with `vulneuron maps`, or pass `--model`.

    Example: `vulneuron neurons run.zarr --cell cat:dog --sort-by substitution_benign_drop`
    """
    check_choice(output, "--format", FORMATS)
    if sort_by is not None:
        MEASURES.sortable(sort_by, "--sort-by")
    if limit is not None:
        check_whole(limit, "--limit")
    if output == "parquet" and sys.stdout.isatty():
        raise MeasureError(
            "parquet is binary and would be written to the terminal",
            allowed="a file or a pipe",
            fix="append > neurons.parquet",
        )
    record = open_record(path)
    analysis = Analysis(record, layer=layer)
    settings = analysis.suggested_settings.replace(**choices)
    analysis = Analysis(record, layer=layer, settings=settings)
    pairs = _chosen_pairs(record, pair, cell)
    if model is not None:
        analysis.network.attach(load_classifier(record, model))
        compute_maps(analysis, missing_maps(analysis, pairs))
    if settings.curves.band_images == "adversarial" and "band_images" not in choices:
        _note(
            "most adversarial labels have fewer than two benign images: their bands are of adversarial ones"
        )
    sortable = analysis.mean_neurons(pairs, columns=DEFAULT_SORTS if sort_by is None else [sort_by])
    measure = sort_measure(sortable, sort_by)
    if sort_by is None and measure.name != DEFAULT_SORTS[0]:
        _note(f"{MEASURES[DEFAULT_SORTS[0]].missing().given}: sorted by {measure.name}")
    neurons = analysis.neurons(int(pairs[0])) if cell is None else analysis.rank(pairs, sort_by=measure.name)
    without = len(missing_maps(analysis, pairs))
    if without:
        part = f" for {without} of {len(pairs)} pairs" if len(pairs) > 1 else ""
        _note(f"no IoUs{part}: `vulneuron maps` or --model computes vulnerability maps")
    neurons = sorted_neurons(neurons, measure, reverse=reverse)
    if output == "table":
        print_table(
            neurons, _title(analysis, pairs, cell, measure.name), measure, rows=limit or _DEFAULT_ROWS
        )
    else:
        _write(neurons if limit is None else neurons.head(limit), output)


def _chosen_pairs(record: Record, pair: int | None, cell: str | None) -> npt.NDArray[np.int64]:
    if cell is not None and pair is None:
        return named_cell(record, cell)
    if pair is not None and cell is None:
        return checked_pairs(record, [pair])
    raise MeasureError(
        "neither a pair nor a cell was given" if pair is None else "both a pair and a cell were given",
        allowed="one of --pair 3 and --cell cat:dog",
        fix="choose one",
    )


def _title(analysis: Analysis, pairs: npt.NDArray[np.int64], cell: str | None, measure: str) -> str:
    record = analysis.record
    if cell is None:
        row = record.pairs.loc[pairs[0]]
        subject = f"pair {pairs[0]}, {row['benign_label']} -> {row['adversarial_label']}"
    else:
        subject = f"{cell}, means over {len(pairs)} pair{'s' if len(pairs) > 1 else ''}"
    layer = f", {analysis.layer}" if len(record.layers) > 1 else ""
    return f"{subject}{layer}, by {measure}"


def _note(text: str) -> None:
    sys.stderr.write(f"note: {text}\n")


def _write(neurons: pd.DataFrame, output: str) -> None:
    if output == "csv":
        sys.stdout.write(neurons.to_csv())
    elif output == "json":
        sys.stdout.write(neurons.to_json(orient="table", indent=2) + "\n")
    else:
        sys.stdout.buffer.write(_parquet(neurons))


def _parquet(neurons: pd.DataFrame) -> bytes:
    try:
        stream = io.BytesIO()
        neurons.to_parquet(stream)
    except ImportError as error:
        raise MeasureError(
            "parquet needs the package pyarrow, which is not installed",
            allowed="table, csv, json; parquet with pyarrow",
            fix="install it with: pip install pyarrow",
        ) from error
    return stream.getvalue()
