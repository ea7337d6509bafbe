"""Class names as users have them: sequences, dicts from index to name, text, and files of several formats."""

import csv
import importlib
import io
import json
import re
import reprlib
import unicodedata
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from vulneuron.errors import ImagesError, one_line

_ALLOWED = (
    "'a,b,c'; a list or a dict of index and name, in JSON or in a .json or .yaml file; a .csv file; or a "
    ".txt file with one name per line"
)
_KEYS = ("id2label", "label2id", "class_to_idx", "class_names", "label_names", "names", "classes", "labels")
_NAME_COLUMNS = ("name", "class_name", "class", "label_name", "label", "category")
_JSON, _YAML, _TABLES = (".json",), (".yaml", ".yml"), {".csv": ",", ".tsv": "\t"}
_SUFFIXES = (".txt", ".names", *_JSON, *_YAML, *_TABLES)
_INDEX_LAST = re.compile(r"(?P<name>\S.*?)[\s,;]+(?P<index>\d+)")
_INDEX_FIRST = re.compile(r"(?P<index>\d+)\s*[:,;\s]\s*(?P<name>\S.*)")
_AFTER_WORDNET_ID = re.compile(r"n\d{8}[\s,]+(?P<name>\S.*)")
_INITIAL = re.compile(r"/?(?P<initial>\w)/(?P<name>(?P=initial).*)", re.IGNORECASE | re.DOTALL)


def as_class_names(names: object) -> tuple[str, ...]:
    """Names of a model's outputs, in order.

    Parameters
    ----------
    names
        A sequence of names, a dict from index to name (``id2label``) or from name to index
        (``class_to_idx``), or a text for `parse_class_names`.

    Raises
    ------
    ImagesError
        Indices are missing or repeated, or a name is empty.
    """
    return parse_class_names(names) if isinstance(names, str) else _checked(names, "")


def parse_class_names(text: str) -> tuple[str, ...]:
    """Parse the names of a model's outputs, in order.

    Parameters
    ----------
    text
        - ``a,b,c``, or a list or dict in JSON, for names with commas;
        - a text file with one name per line, optionally with its index (``/a/abbey 0``, as in Places365) or
          WordNet id (``n01440764 tench``, as in ImageNet's lists);
        - a ``.json`` or ``.yaml`` file with a list of names, a dict from index to name or to
          ``[wnid, name]``, or a dict from name to index, possibly under a key such as ``id2label`` or
          ``names``;
        - a ``.csv`` or ``.tsv`` file with a column of names, optionally one of indices, and a header.

    Raises
    ------
    ImagesError
        The file cannot be read or has another format, or a name is empty.
    """
    path = Path(text).expanduser()
    if text.lstrip().startswith(("[", "{")):
        return _checked(_loads(text, text), text)
    if not _is_file(path) and ("," in text or path.suffix.lower() not in _SUFFIXES):
        return _checked(text.split(","), text)
    try:
        content = unicodedata.normalize("NFC", path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise _unreadable(text, error) from error
    suffix = path.suffix.lower()
    if suffix in _JSON:
        return _checked(_loads(content, text), text)
    if suffix in _YAML:
        return _checked(_load_yaml(content, text), text)
    if suffix in _TABLES:
        return _checked(_from_table(content, _TABLES[suffix], text), text)
    return _checked(_from_lines(content.rstrip().splitlines()), text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    # Long lists of names are not valid paths.
    except (OSError, ValueError):
        return False


def _loads(content: str, text: str) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _unreadable(text, error) from error


def _load_yaml(content: str, text: str) -> object:
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError as error:
        raise ImagesError(
            f"given class names {text!r}, which needs the package pyyaml",
            allowed="YAML files with pyyaml, and .txt, .csv and .json files without it",
            fix="install it with: pip install pyyaml",
        ) from error
    try:
        return yaml.safe_load(content)
    # The parser also raises ValueError (dates) and RecursionError.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(text, error) from error


def _unreadable(text: str, error: BaseException) -> ImagesError:
    return ImagesError(
        f"given class names {_short(text)}, which cannot be read ({one_line(error)})",
        allowed=_ALLOWED,
        fix="check the path and the content",
    )


def _short(text: str) -> str:
    return repr(text) if len(text) <= 200 else repr(text[:200]) + "..."


def _from_lines(lines: Sequence[str]) -> Sequence[str] | Mapping[str, str]:
    lines = [line.strip() for line in lines]
    for pattern in (_INDEX_LAST, _INDEX_FIRST):
        matches = [match for line in lines if (match := pattern.fullmatch(line)) is not None]
        indices = {int(match["index"]) for match in matches}
        # Names may contain numbers ("Boeing 737"); only a complete numbering is one.
        if lines and len(matches) == len(lines) and indices == set(range(len(lines))):
            return {str(int(match["index"])): match["name"].strip("\"'") for match in matches}
    named = [match["name"] for line in lines if (match := _AFTER_WORDNET_ID.fullmatch(line)) is not None]
    return named if len(named) == len(lines) else lines


def _from_table(content: str, delimiter: str, text: str) -> Sequence[str] | Mapping[str, str]:
    try:
        rows = [row for row in csv.reader(io.StringIO(content), delimiter=delimiter, strict=True) if row]
    except csv.Error as error:
        raise _unreadable(text, error) from error
    if not rows or len({len(row) for row in rows}) > 1:
        return [delimiter.join(row) for row in rows]
    columns = [[cell.strip() for cell in column] for column in zip(*rows, strict=True)]
    header = next((index for index, column in enumerate(columns) if column[0].lower() in _NAME_COLUMNS), None)
    numbered = next((index for index in range(len(columns)) if _is_numbering(columns[index][1:])), None)
    if header is not None or (numbered is not None and not columns[numbered][0].isdigit()):
        titles = [column[0].lower() for column in columns]
        columns = [column[1:] for column in columns]
    else:
        titles = [""] * len(columns)
        numbered = next((index for index in range(len(columns)) if _is_numbering(columns[index])), None)
    others = [index for index in range(len(columns)) if index != numbered]
    if not others:
        return columns[0]
    best = next(
        (titles.index(name) for name in _NAME_COLUMNS if name in titles and titles.index(name) in others),
        None,
    )
    names = columns[others[0] if best is None else best]
    if numbered is None:
        return names
    return {str(int(number)): name for number, name in zip(columns[numbered], names, strict=True)}


def _is_numbering(cells: Sequence[str]) -> bool:
    numbers = {int(cell) for cell in cells if cell.isascii() and cell.isdigit() and len(cell) < 9}
    return bool(cells) and numbers == set(range(len(cells)))


def _in_order(names: object, text: str) -> Sequence[object]:
    if isinstance(names, Mapping):
        key = next((key for key in _KEYS if isinstance(names.get(key), Mapping | list) and names[key]), None)
        if key is not None:
            return _in_order(names[key], text)
        if names and all(_is_index(value) for value in names.values()):
            names = (
                {value: name for name, value in names.items()}
                if len(set(names.values())) == len(names)
                else names
            )
        by_index = {str(key): value for key, value in names.items()}
        missing = next((index for index in range(len(names)) if str(index) not in by_index), None)
        if missing is not None:
            shown = f" {_short(text)}" if text else ""
            raise ImagesError(
                f"given class names{shown} with {len(names)} entries but none for {missing}",
                allowed=f"the keys 0 to {len(names) - 1}",
                fix="provide a name for each output of the model",
            )
        ordered = [by_index[str(index)] for index in range(len(names))]
        return [value[-1] if isinstance(value, list | tuple) and value else value for value in ordered]
    if isinstance(names, np.ndarray):
        return list(names.ravel())
    if isinstance(names, str | bytes) or not hasattr(names, "__iter__"):
        return [names]
    return list(names)


def _is_index(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _checked(names: object, text: str) -> tuple[str, ...]:
    from_python = not text
    ordered = _in_order(names, text)
    # Integers in Python are names; in a file they are more likely the wrong column or list.
    ordered = [str(name) if from_python and _is_index(name) else name for name in ordered]
    bad = next((i for i, name in enumerate(ordered) if not isinstance(name, str) or not name.strip()), None)
    if bad is not None or not ordered:
        problem = (
            f"whose name number {bad} is {reprlib.repr(ordered[bad])}"
            if bad is not None
            else "which is empty"
        )
        shown = f" {_short(text)}" if text else ""
        raise ImagesError(
            f"given class names{shown}, {problem}", allowed=_ALLOWED, fix="provide a name for each output"
        )
    return without_initials(tuple(unicodedata.normalize("NFC", str(name).strip()) for name in ordered))


def without_initials(names: tuple[str, ...]) -> tuple[str, ...]:
    """Places365's names, ``/a/abbey``, without the folder of their initial; other names are unchanged."""
    matches = [match for name in names if (match := _INITIAL.fullmatch(name)) is not None]
    short = tuple(match["name"] for match in matches)
    return short if len(short) == len(names) == len(set(short)) else names
