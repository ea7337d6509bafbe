"""The table of neurons that fits a terminal."""

from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.table import Table

from vulneuron.measures import MEASURES, NeuronMeasure

_GAP = 2


def print_table(neurons: pd.DataFrame, title: str, sorted_by: NeuronMeasure, *, rows: int) -> None:
    """Print neurons with as many columns as fit, beginning with the measure that sorts.

    If there are more neurons than rows, and the ranking begins with the smallest values, which are negative,
    half of the rows show each end: the most inhibited and the most excited neurons.

    Parameters
    ----------
    neurons
        Sorted result of `Analysis.neurons` or `Analysis.rank`.
    title
        One line about the pairs.
    sorted_by
        The measure that they are sorted by.
    rows
        Largest number of neurons.
    """
    console = Console(highlight=False)
    left_out = max(len(neurons) - rows, 0)
    both_ends = sorted_by.first == "smallest"
    first = rows - rows // 2 if both_ends and left_out else rows
    neurons = pd.concat([neurons.head(first), neurons.tail(rows - first)]) if left_out else neurons
    columns = {"neuron": [str(number) for number in neurons.index]}
    # Intervals of width 0 add nothing to the order of the rows.
    if "rank" in neurons and (neurons["rank_low"] != neurons["rank_high"]).any():
        ranks = zip(neurons["rank_low"], neurons["rank_high"], strict=True)
        columns["rank\n(95 %)"] = [f"{low:.0f}-{high:.0f}" for low, high in ranks]
    shown = [sorted_by, *(MEASURES[name] for name in MEASURES.sortable_names if name != sorted_by.name)]
    for measure in shown:
        columns[measure.heading] = [_short(value) for value in neurons[measure.name]]
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False)
    for head in _fitting(columns, console.width):
        table.add_column(head, justify="right", vertical="bottom", no_wrap=True)
    cells = zip(*(columns[str(column.header)] for column in table.columns), strict=True)
    for index, row in enumerate(cells):
        if both_ends and left_out and index == first:
            table.add_row(f"{left_out:,} more")
        table.add_row(*row)
    console.print(title, soft_wrap=True)
    console.print(table)


def _fitting(columns: dict[str, list[str]], width: int) -> Sequence[str]:
    """Heads of the first columns that fit, but at least two."""
    heads: list[str] = []
    used = -_GAP
    for head, cells in columns.items():
        used += _GAP + max(map(len, (*head.split("\n"), *cells)))
        if used > width and len(heads) >= 2:
            break
        heads.append(head)
    return heads


def _short(value: float) -> str:
    """About four digits, without a minus sign in front of zeros."""
    if pd.isna(value):
        return "-"
    text = f"{value:.4f}" if abs(value) < 1 else f"{value:.3f}"
    return text.removeprefix("-") if float(text) == 0 else text
