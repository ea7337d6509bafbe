"""`vulneuron neurons`: which neurons are vulnerable, as a table."""

import io
import sys
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from vulneuron.analysis import MEASURES, Analysis, load_classifier, select_pairs
from vulneuron.errors import MeasureError
from vulneuron.measures.choices import check_choice, check_positive

FORMATS = ("table", "csv", "json", "parquet")
#: Columns of the table that fits a terminal, and their heads.
_SHOWN = {
    "contribution_benign": "contrib.\nbenign",
    "contribution_adversarial": "contrib.\nadvers.",
    "band_gap": "band\ngap",
    "curve_gap": "curve\ngap",
    "substitution_benign_drop": "subst.\ndrop",
    "substitution_adversarial_gain": "subst.\ngain",
    "iou_benign_drop": "IoU\ndrop",
    "iou_adversarial_gain": "IoU\ngain",
}


def command(
    path: Annotated[str, typer.Argument(metavar="RECORD", help="A finished record.")],
    pair: Annotated[int | None, typer.Option(help="Number of a pair.")] = None,
    cell: Annotated[
        str | None,
        typer.Option(help="A cell of the prediction matrix, `cat:dog`: means over its pairs, with ranks."),
    ] = None,
    sort_by: Annotated[
        str, typer.Option(help=f"Measure to sort by, largest first: {', '.join(MEASURES)}.")
    ] = "band_gap",
    ascending: Annotated[
        bool, typer.Option("--ascending", help="Smallest first: the most inhibited, for gaps.")
    ] = False,
    top: Annotated[int, typer.Option(help="How many neurons to show.")] = 25,
    output: Annotated[str, typer.Option("--format", help="`table`, `csv`, `json` or `parquet`.")] = "table",
    model: Annotated[
        str | None,
        typer.Option(help="Where the network is now, to compute vulnerability maps that are missing."),
    ] = None,
) -> None:
    """List the neurons of one pair, or of a cell of the prediction matrix, with all measures.

    IoUs need vulnerability maps: make them before with `vulneuron maps`, or give `--model`.

    Example: `vulneuron neurons run.zarr --cell cat:dog --sort-by substitution_benign_drop`
    """
    check_choice(output, "--format", FORMATS)
    check_choice(sort_by, "--sort-by", MEASURES)
    check_positive(top, "--top")
    if (pair is None) == (cell is None):
        raise MeasureError(
            "neither a pair nor a cell was given" if pair is None else "both a pair and a cell were given",
            allowed="one of --pair 3 and --cell cat:dog",
            fix="choose one",
        )
    analysis = Analysis(path)
    if model is not None:
        analysis = Analysis(analysis.record, load_classifier(analysis.record, model))
    if pair is not None:
        neurons = analysis.neurons(pair)
    else:
        neurons = analysis.rank(select_pairs(analysis.record, cell or ""), sort_by=sort_by)
    neurons = neurons.sort_values(sort_by, ascending=ascending, kind="stable").head(top)
    if output == "table":
        Console(highlight=False).print(_table(neurons))
    elif output == "parquet":
        sys.stdout.buffer.write(_parquet(neurons))
    else:
        sys.stdout.write(
            neurons.to_csv() if output == "csv" else neurons.to_json(orient="table", indent=2) + "\n"
        )


def _table(neurons: pd.DataFrame) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    ranked = "rank" in neurons
    for head in ("neuron", *(("rank\n(95 %)",) if ranked else ()), *_SHOWN.values()):
        table.add_column(head, justify="right", vertical="bottom")
    for number, row in neurons.iterrows():
        rank = (f"{row['rank_low']:.0f}-{row['rank_high']:.0f}",) if ranked else ()
        table.add_row(str(number), *rank, *(_short(row[name]) for name in _SHOWN))
    return table


def _short(value: float) -> str:
    if pd.isna(value):
        return "-"
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.3f}"


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
