"""Encoded images in Parquet files and in WebDataset's shards, as map-style data sets."""

import importlib
import json
import re
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

from vulneuron.errors import ImagesError, one_line
from vulneuron.inputs.listing import image_suffixes

PACKED_FILES = (".parquet", ".tar")
_BRACES = re.compile(r"\{(?P<first>\d+)\.\.(?P<last>\d+)\}")
_MOST_SHARDS = 100_000


def packed_paths(text: str) -> list[Path]:
    """Files of a path such as ``shard-{000..012}.tar``, or the path itself."""
    match = _BRACES.search(text)
    if match is None:
        return [Path(text).expanduser()]
    first, last = int(match["first"]), int(match["last"])
    if not first <= last < first + _MOST_SHARDS:
        return []
    width = len(match["first"])
    names = [
        text[: match.start()] + str(number).zfill(width) + text[match.end() :]
        for number in range(first, last + 1)
    ]
    return [Path(name).expanduser() for name in names]


class ParquetRows:
    """Rows of a Parquet file, as in exported data sets of Hugging Face: dicts of columns.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    ImagesError
        It cannot be read, or pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            parquet: Any = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            raise ImagesError(
                f"given {str(path)!r}, which needs the package pyarrow",
                allowed="Parquet files with pyarrow",
                fix="install it with: pip install pyarrow",
            ) from error
        try:
            self._table = parquet.read_table(path, memory_map=True)
            metadata = json.loads((self._table.schema.metadata or {}).get(b"huggingface", b"{}"))
        # Errors of pyarrow and of the metadata.
        except Exception as error:
            raise _unreadable(path, error) from error
        #: Features as Hugging Face writes them into the file, by column.
        features = metadata.get("info", {}).get("features") if isinstance(metadata, dict) else None
        self.features = features if isinstance(features, dict) else {}
        self.column_names = tuple(self._table.column_names)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, key: int | str) -> Any:
        """A row by index, as a dict, or a whole column by name, as a list."""
        if isinstance(key, str):
            return self._table.column(key).to_pylist()
        return {name: self._table.column(name)[key].as_py() for name in self.column_names}


class Shards:
    """Images of WebDataset's shards: tar files with ``NAME.jpg`` and, optionally, ``NAME.cls``.

    Labels are numbers or names in ``.cls`` files, or the entry ``label`` of ``.json`` files.

    Parameters
    ----------
    paths
        The shards, uncompressed.

    Raises
    ------
    ImagesError
        A shard cannot be read, or only some of the images have a label.
    """

    def __init__(self, paths: list[Path]) -> None:
        suffixes = image_suffixes()
        self._places: list[tuple[Path, int, int]] = []
        labels: list[int | str | None] = []
        for path in paths:
            try:
                images, texts = _members(path, suffixes)
            # Errors of tarfile and of the label files.
            except Exception as error:
                raise _unreadable(path, error) from error
            self._places += [(path, *place) for place in images.values()]
            labels += [texts.get(name) for name in images]
        missing = labels.count(None)
        if 0 < missing < len(labels):
            raise ImagesError(
                f"given {str(paths[0])!r} with labels for {len(labels) - missing} of {len(labels)} images",
                allowed="a .cls or .json file for each image, or for none",
                fix="write the shards again, with all labels",
            )
        self._labels = labels

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> tuple[bytes, int | str | None]:
        path, offset, size = self._places[index]
        with path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(size), self._labels[index]


def _members(
    path: Path, suffixes: frozenset[str]
) -> tuple[dict[str, tuple[int, int]], dict[str, int | str | None]]:
    """Place (offset, size) of each image in a shard, and the labels, by name without extension."""
    images: dict[str, tuple[int, int]] = {}
    labels: dict[str, int | str | None] = {}
    with tarfile.open(path, "r:") as shard:
        for member in shard:
            folder, _, file = member.name.rpartition("/")
            stem, _, extension = file.partition(".")
            name = f"{folder}/{stem}"
            if not member.isfile() or not stem:
                continue
            if PurePosixPath(file).suffix.lower() in suffixes:
                images[name] = (member.offset_data, member.size)
            elif extension in ("cls", "json") and (content := shard.extractfile(member)) is not None:
                text = content.read().decode()
                labels[name] = _label(text) if extension == "cls" else _label(json.loads(text).get("label"))
    return images, labels


def _label(value: Any) -> int | str | None:
    text = "" if value is None else str(value).strip()
    return int(text) if text.isascii() and text.isdigit() else text or None


def _unreadable(path: Path, error: Exception) -> ImagesError:
    return ImagesError(
        f"given {str(path)!r}, which cannot be read ({one_line(error)})",
        allowed="a Parquet file with encoded images, or uncompressed shards of WebDataset",
        fix="check that the file is complete",
    )
