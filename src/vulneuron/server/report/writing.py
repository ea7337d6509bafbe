"""Writes a report as a folder, as a ZIP file, or as one HTML file."""

import base64
import html
import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vulneuron.errors import RecordError, one_line
from vulneuron.plots.texts import count_of
from vulneuron.server.report.contents import ReportContents
from vulneuron.server.report.page import MARKED, FrontEnd
from vulneuron.server.report.recording import context_pairs, pair_chunk, record_chunk
from vulneuron.server.static import BUILT

#: Number of bytes in which an earlier report is recognized.
_MARK_WITHIN = 4096

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ReportSize:
    """What was written.

    Attributes
    ----------
    page
        The page to open.
    pairs
        Number of pairs.
    size
        Number of bytes of all files.
    """

    page: Path
    pairs: int
    size: int


def write_report(
    contents: ReportContents,
    out: Path,
    name: str,
    *,
    single_file: bool = False,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
    pages: Path = BUILT,
) -> ReportSize:
    """Write a report, which appears as a whole or not at all.

    Parameters
    ----------
    contents
        Contents of the report.
    out
        The folder; with `single_file`, the HTML file.
    name
        Name of the record in the page.
    single_file
        Whether to write one file, which loads everything at once.
    overwrite
        Whether to replace an earlier report.
    progress
        Called with the number of pairs that are done, and that of all.
    pages
        Folder of the front end's built files.

    Raises
    ------
    RecordError
        If `out` exists and is not an earlier report, it cannot be written to, or the front end is not built.
    """
    front = FrontEnd(pages)
    check_out(out, overwrite=overwrite)
    with _writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            made = Path(folder) / out.name
            chunks = _chunks(contents, name, progress)
            if single_file:
                made.write_text(front.single_page(_title(contents, name), dict(chunks)), encoding="utf-8")
            else:
                for path, text in front.folder(_title(contents, name), chunks):
                    file = made / path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(text, encoding="utf-8")
            size = sum(file.stat().st_size for file in (made, *made.rglob("*")) if file.is_file())
            _replace(made, out)
    return ReportSize(out if single_file else out / "index.html", len(contents.pairs), size)


def zipped_report(contents: ReportContents, name: str, *, pages: Path = BUILT) -> Iterator[bytes]:
    """A report's folder as a ZIP file, piece by piece while it is being made.

    Raises
    ------
    RecordError
        If the front end is not built.
    """
    files = FrontEnd(pages).folder(_title(contents, name), _chunks(contents, name))

    def pieces() -> Iterator[bytes]:
        written = _Pieces()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, text in files:
                archive.writestr(f"{name}-report/{path}", text)
                yield written.take()
        yield written.take()

    return pieces()


def check_out(out: Path, *, overwrite: bool) -> None:
    """Refuse to overwrite anything but an earlier report, and that only on request.

    Raises
    ------
    RecordError
        If something else is there.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not _is_report(out):
        raise RecordError(
            f"{out} exists, and is not a report",
            allowed="a new folder or file, or an earlier report with --overwrite",
            fix="choose another --out",
        )
    if not overwrite:
        raise RecordError(
            f"{out} is an earlier report",
            allowed="a new folder or file, or an earlier report with --overwrite",
            fix="pass --overwrite to replace it, or choose another --out",
        )


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Turn errors of the file system into a `RecordError`."""
    try:
        yield
    except OSError as error:
        raise RecordError(
            f"report {str(out)!r} cannot be written ({one_line(error)})",
            allowed="a path in a writable folder, and enough space",
            fix="choose another --out, or free some space",
        ) from error


def _is_report(out: Path) -> bool:
    page = out / "index.html" if out.is_dir() else out
    if not page.is_file():
        return False
    with page.open("rb") as file:
        return MARKED.encode() in file.read(_MARK_WITHIN)


def _replace(made: Path, out: Path) -> None:
    """Put what was made where an earlier report or an empty folder may be."""
    if out.is_dir():
        old = made.with_name(f"{made.name}.old")
        out.rename(old)
        made.rename(out)
        shutil.rmtree(old)
    else:
        made.replace(out)


def _chunks(
    contents: ReportContents, name: str, progress: Progress = lambda done, total: None
) -> Iterator[tuple[str, str]]:
    """Names and base64 texts of the files with data, that of the record last."""
    pairs = [int(pair) for pair in contents.pairs]
    others: set[int] = set()
    for done, pair in enumerate(pairs):
        progress(done, len(pairs))
        neurons = contents.context_neurons(pair)
        others |= context_pairs(contents, pair, neurons)
        yield f"pair-{pair}", _text(pair_chunk(contents, pair, neurons).content())
    # Thumbnails of the pairs that are now known.
    record = record_chunk(contents, name, np.array(sorted(others), np.int64))
    yield "record", _text(record.content())
    progress(len(pairs), len(pairs))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _title(contents: ReportContents, name: str) -> str:
    return html.escape(f"{name}: {count_of(len(contents.pairs), 'pair')}")


class _Pieces(io.RawIOBase):
    """A file that is written once and taken piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Tell that it can be written."""
        return True

    def write(self, piece: Any, /) -> int:
        """Keep a piece until it is taken."""
        content = bytes(piece)
        self._pieces.append(content)
        return len(content)

    def take(self) -> bytes:
        """All that was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken
