"""Labels of a flat folder of images in a table of file names and labels."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from vulneuron.errors import ImagesError, one_line
from vulneuron.inputs.labels import DatasetLabels
from vulneuron.inputs.listing import displayed

_NAMES = ("labels.csv", "labels.tsv", "metadata.csv")
_LABEL_COLUMNS = (
    "label",
    "class",
    "class_name",
    "category",
    "target",
    "label_name",
    "class_id",
    "label_id",
    "y",
)


def read_label_table(root: Path, files: Sequence[str]) -> tuple[DatasetLabels, str] | None:
    """Labels from ``labels.csv``, ``labels.tsv`` or ``metadata.csv``, or ``labels.csv`` beside the folder.

    One column has the file names, with or without extension, another one the labels: integers are outputs
    of the model, other texts are class names. The column of the labels is the only other one, or called
    ``label`` or similar.

    Parameters
    ----------
    root
        The folder.
    files
        Names of its images.

    Returns
    -------
    labels, note
        The labels and a remark that names the table; None without a table that names these images.

    Raises
    ------
    ImagesError
        The table cannot be read, does not label all images, or has no column of labels.
    """
    inside = [root / name for name in _NAMES]
    for path in (*inside, root.parent / _NAMES[0]):
        if path.is_file() and (labels := _labels(path, root, files)) is not None:
            return labels, f"The labels are those of {displayed(path.name)}."
    return None


def _labels(path: Path, root: Path, files: Sequence[str]) -> DatasetLabels | None:
    rows = _rows(path)
    keys = {key: name for name in files for key in (f"{root.name}/{name}", PurePosixPath(name).stem, name)}
    width = max((len(row) for row in rows), default=0)
    columns = [[row[index] if index < len(row) else "" for row in rows] for index in range(width)]
    hits = [sum(cell in keys for cell in column) for column in columns]
    if not any(hits):
        return None
    file_column = int(np.argmax(hits))
    has_header = columns[file_column][0] not in keys
    titles = [column[0].lower() for column in columns] if has_header else [""] * width
    label_column = _label_column(path, titles, file_column)
    pairs = zip(columns[file_column], columns[label_column], strict=True)
    labels = {keys[cell]: label for cell, label in pairs if cell in keys and label}
    missing = next((name for name in files if name not in labels), None)
    if missing is not None:
        raise ImagesError(
            f"given {displayed(str(path))!r} with labels of {len(labels)} of {len(files)} images, the first "
            f"without one being {displayed(missing)!r}",
            allowed="one label per image, or no table of labels",
            fix="add the missing rows, or move the table",
        )
    return labels_from_texts([labels[name] for name in files])


def _rows(path: Path) -> list[list[str]]:
    try:
        content = path.read_text(encoding="utf-8-sig")
        delimiter = "\t" if path.suffix == ".tsv" else ","
        reader = csv.reader(io.StringIO(content), delimiter=delimiter, strict=True)
        return [[cell.strip() for cell in row] for row in reader if row]
    except (OSError, ValueError, csv.Error) as error:
        raise ImagesError(
            f"given the labels {displayed(str(path))!r}, which cannot be read ({one_line(error)})",
            allowed="a table of file names and labels in UTF-8",
            fix="repair the table or remove it",
        ) from error


def _label_column(path: Path, titles: Sequence[str], file_column: int) -> int:
    others = [index for index in range(len(titles)) if index != file_column]
    named = [index for name in _LABEL_COLUMNS for index in others if titles[index] == name]
    if named or len(others) == 1:
        return named[0] if named else others[0]
    raise ImagesError(
        f"given the labels {displayed(str(path))!r} with the columns {', '.join(titles)}",
        allowed="a column of file names and one called label",
        fix="rename the column of the labels to label",
    )


def labels_from_texts(texts: Sequence[str]) -> DatasetLabels:
    """Labels from numbers or class names, written as text."""
    if all(text.isascii() and text.isdigit() and len(text) < 10 for text in texts):
        return DatasetLabels(np.array([int(text) for text in texts], dtype=np.int64))
    names, values = np.unique(np.array(texts, dtype=object), return_inverse=True)
    return DatasetLabels(values.astype(np.int64), tuple(map(str, names)), are_sorted=True)
