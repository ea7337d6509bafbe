"""The prediction matrix (paper, Figure 2-a4)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from vulneuron.analysis import Analysis
from vulneuron.analysis.data import Ints
from vulneuron.analysis.selection import cell_labels
from vulneuron.measures.choices import check_whole
from vulneuron.plots.colors import INK, MATRIX, MUTED, PANEL, channels, mixed
from vulneuron.plots.selections import (
    Pairs,
    checked_classes,
    chosen_pairs,
    colors_of,
    one_or_more,
    used_classes,
)
from vulneuron.plots.sheet import Sheet, sheet
from vulneuron.plots.texts import ARROW, count_of

if TYPE_CHECKING:
    from vulneuron.plots.figure import Figure

OTHER = "other"
_DOT = 7.0
_LARGEST_CELL = 30.0
#: More cells than this are one image, because so many rectangles take minutes and a very large file.
MOST_CELLS = 10_000
#: From this part of the color scale on, white is more legible than black.
_DARK = 0.69


def prediction_matrix(
    analysis: Analysis,
    *,
    pairs: Pairs = "all",
    true_labels: Sequence[str] | None = None,
    adversarial_labels: Sequence[str] | None = None,
    most: int = 16,
    cells: Sequence[str] = (),
    title: str | None = None,
    width: float = 85,
) -> "Figure":
    """Numbers of pairs, with true labels as rows and adversarial labels as columns; darker is more.

    Parameters
    ----------
    analysis
        The analysis.
    pairs
        Pairs that are counted: a list such as ``"0-5,9"``, or numbers.
    true_labels, adversarial_labels
        Classes that are rows and columns; None for all. The title counts the pairs shown.
    most
        Largest number of classes that all have a row and a column; with more classes, the rarer ones are
        summed up as "other".
    cells
        Cells to mark: ``"cat:dog"``, a whole row ``"cat:"`` or a whole column ``":dog"``.
    title
        Title; None for one that counts the pairs, "" for none.
    width
        Width in millimeters.

    Raises
    ------
    MeasureError
        If a class or a cell is unknown, or `most` or the width is not allowed.
    """
    check_whole(most, "most")
    counts = _counts(analysis, chosen_pairs(analysis, pairs), true_labels, adversarial_labels, most)
    reduced = true_labels is not None or adversarial_labels is not None
    colors = colors_of(analysis, [*counts.index, *counts.columns] if reduced else None)
    marked = [cell_labels(analysis.record, cell) for cell in one_or_more(cells)]
    every = analysis.data.count
    shown = int(counts.to_numpy().sum())
    with sheet(width) as page:
        if title is None:
            part = "all" if shown == every else f"{shown:,} of"
            title = f"Predictions of {part} {count_of(every, 'pair')}"
        top = page.title(title)
        rows, columns = counts.index.tolist(), counts.columns.tolist()
        left = min(
            0.36 * page.width,
            max(page.measure(name, bold=True) for name in (*rows, "fooled to →")) + _DOT + 4,
        )
        head = min(0.3 * page.width, max(page.measure(name, bold=True) for name in columns) + _DOT + 4)
        cell = min(_LARGEST_CELL, (page.width - left - 1) / len(columns))
        bold_rows, bold_columns = {row for row, _ in marked}, {column for _, column in marked}
        corner = top + head
        page.text(left - _DOT, corner - 12, f"fooled to {ARROW}", size=page.small, color=MUTED, align="right")
        page.text(left - _DOT, corner - 3.5, "true ↓", size=page.small, color=MUTED, align="right")
        for place, name in enumerate(rows):
            middle = corner + (place + 0.5) * cell
            size = min(page.body, 0.85 * cell)
            page.text(
                left - _DOT, middle + 0.35 * size, name, size=size, bold=name in bold_rows, align="right",
                room=left - _DOT,
            )  # fmt: skip
            if name in colors:
                page.dot(left - 3.4, middle, colors[name], radius=min(2.2, 0.35 * cell))
        for place, name in enumerate(columns):
            middle = left + (place + 0.5) * cell
            size = min(page.body, 0.85 * cell)
            page.text(
                middle + 0.35 * size, corner - _DOT, name, size=size, bold=name in bold_columns,
                room=head - _DOT, rotation=90, rotation_mode="anchor",
            )  # fmt: skip
            if name in colors:
                page.dot(middle, corner - 3.4, colors[name], radius=min(2.2, 0.35 * cell))
        _cells(page, counts, left, corner, cell)
        for row, column in marked:
            _mark(page, rows, columns, (row, column), left, corner, cell)
        return page.finish(corner + cell * len(rows) + 3)


def _counts(
    analysis: Analysis,
    pairs: Ints,
    true_labels: Sequence[str] | None,
    adversarial_labels: Sequence[str] | None,
    most: int,
) -> pd.DataFrame:
    """The matrix of some classes, or of all; then rare ones may be summed up as "other"."""
    used = used_classes(analysis)
    labels = analysis.record.pairs.iloc[pairs][["benign_label", "adversarial_label"]].astype(str)
    counted = pd.crosstab(labels["benign_label"], labels["adversarial_label"])
    counts = counted.reindex(index=used, columns=used, fill_value=0)
    if true_labels is not None or adversarial_labels is not None:
        rows = checked_classes(analysis, true_labels, "true_labels")
        return counts.loc[rows, checked_classes(analysis, adversarial_labels, "adversarial_labels")]
    if len(used) <= most:
        return counts
    common = max(1, most - 2)
    return _condensed(_condensed(counts, common).T, common).T


def _condensed(counts: pd.DataFrame, most: int) -> pd.DataFrame:
    """The most frequent rows, and the sum of the others as the last one; without empty rows."""
    sums = counts.sum(axis=1)
    sums = sums[sums > 0]
    common = sums.sort_values(ascending=False, kind="stable").index[:most]
    kept = counts.loc[[name for name in counts.index if name in common]]
    rest = counts.loc[[name for name in sums.index if name not in common]]
    if not len(rest):
        return kept
    return pd.concat([kept, rest.sum().to_frame(OTHER).T])


def _cells(page: Sheet, counts: pd.DataFrame, left: float, top: float, cell: float) -> None:
    numbers = counts.to_numpy()
    known = counts.loc[counts.index != OTHER, counts.columns != OTHER].to_numpy()
    # Sums of rare classes would make all other cells pale.
    darkest = max(1, int(known.max(initial=1)))
    parts = np.minimum(1, numbers / darkest) ** 0.5
    if numbers.size > MOST_CELLS:
        low, high = np.array([channels(color) for color in MATRIX])
        pixels = np.rint(low + parts[..., None] * (high - low)).astype(np.uint8)
        page.image(left, top, cell * numbers.shape[1], cell * numbers.shape[0], pixels)
        return
    size = _size_of_counts(page, numbers, cell)
    gap = min(0.8, 0.06 * cell)
    for (row, column), count in np.ndenumerate(numbers):
        part = float(parts[row, column])
        x, y = left + column * cell, top + row * cell
        if counts.index[row] != counts.columns[column] or count:
            page.rectangle(x + gap / 2, y + gap / 2, cell - gap, cell - gap, mixed(*MATRIX, part))
        if count and size:
            page.text(
                x + cell / 2, y + cell / 2 + 0.35 * size, f"{count:,}", size=size, align="center",
                color=PANEL if part > _DARK else INK,
            )  # fmt: skip


def _size_of_counts(page: Sheet, numbers: npt.NDArray[np.integer], cell: float) -> float:
    """Size of the numbers, so that the longest fits; 0 if it would be illegible."""
    least = 3.5
    longest = page.measure(f"{numbers.max():,}", size=10) / 10
    size = min(page.body, 0.62 * cell, (cell - 1.5) / longest)
    return size if size >= least else 0


def _mark(
    page: Sheet,
    rows: list[str],
    columns: list[str],
    labels: tuple[str, str],
    left: float,
    top: float,
    cell: float,
) -> None:
    """A ring around a cell, a row, or a column."""
    row, column = labels
    if (row and row not in rows) or (column and column not in columns):
        return
    x, wide = (left + columns.index(column) * cell, cell) if column else (left, cell * len(columns))
    y, high = (top + rows.index(row) * cell, cell) if row else (top, cell * len(rows))
    for color, thickness in ((PANEL, 2.6), (INK, 1.2)):
        page.rectangle(
            x, y, wide, high, "none", edgecolor=color, linewidth=thickness, zorder=5, joinstyle="round"
        )
