"""Writes a report as a folder, or as one HTML file."""

import base64
import hashlib
import html
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vulneuron.errors import RecordError
from vulneuron.server.report.contents import ReportContents
from vulneuron.server.report.recording import context_pairs, pair_chunk, record_chunk
from vulneuron.server.static import BUILT

#: Folder of all files but the page.
_DATA = "report"
#: Marks a page as a report, so that it may be overwritten; the page's script reads it, too.
_MARK = '<meta name="vulneuron-report" content="{kind}" />'
_MARKED = '<meta name="vulneuron-report"'
_MARK_WITHIN = 4096
#: A report loads its own files, and sends nothing.
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src {styles}; img-src blob: data:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    {mark}
    <meta http-equiv="Content-Security-Policy" content="{policy}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="referrer" content="no-referrer" />
    <link rel="icon" type="image/svg+xml" href="{icon}" />
    <title>{title}</title>
    {style}
  </head>
  <body>
    <div id="app"></div>
    <noscript>This report needs JavaScript, which is part of it.</noscript>
    {data}{script}
  </body>
</html>
"""

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
        If `out` exists and is not an earlier report, or the front end is not built.
    """
    front = _FrontEnd(pages)
    check_out(out, overwrite=overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        made = Path(folder) / out.name
        chunks = _chunks(contents, name, progress)
        title = html.escape(f"{name}: {_pairs(len(contents.pairs))}")
        if single_file:
            made.write_text(front.single_page(title, dict(chunks)), encoding="utf-8")
        else:
            front.write_folder(made, title, chunks)
        size = sum(file.stat().st_size for file in (made, *made.rglob("*")) if file.is_file())
        _replace(made, out)
    return ReportSize(out if single_file else out / "index.html", len(contents.pairs), size)


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


def _is_report(out: Path) -> bool:
    page = out / "index.html" if out.is_dir() else out
    if not page.is_file():
        return False
    with page.open("rb") as file:
        return _MARKED.encode() in file.read(_MARK_WITHIN)


def _replace(made: Path, out: Path) -> None:
    """Put what was made where an earlier report or an empty folder may be."""
    if out.is_dir():
        old = made.with_name(f"{made.name}.old")
        out.rename(old)
        made.rename(out)
        shutil.rmtree(old)
    else:
        made.replace(out)


def _chunks(contents: ReportContents, name: str, progress: Progress) -> Iterator[tuple[str, str]]:
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


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"


class _FrontEnd:
    """The built page of the server, in the form that a browser loads without one.

    Browsers load neither modules nor fonts from ``file:``, so its script becomes a plain one, and its font a
    part of the style sheet.
    """

    def __init__(self, folder: Path) -> None:
        try:
            page = (folder / "index.html").read_text(encoding="utf-8")
            script, style = _only(r'src="\./([^"]+\.js)"', page), _only(r'href="\./([^"]+\.css)"', page)
            code = (folder / script).read_text(encoding="utf-8")
            self._style = _with_fonts((folder / style).read_text(encoding="utf-8"), (folder / style).parent)
            self._icon = _data_url("image/svg+xml", (folder / "icon.svg").read_bytes())
        except OSError as error:
            raise RecordError(
                "the dashboard, which a report is made of, is not built",
                allowed="an installed package",
                fix="run pip install --editable . in the folder of the project",
            ) from error
        # A module has a scope of its own, and is strict.
        self._script = f'(()=>{{"use strict";{code}\n}})();\n'

    def single_page(self, title: str, chunks: dict[str, str]) -> str:
        """The page with everything in it."""
        # Within a script element, these words would end it, or begin a comment.
        script = self._script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
        data = "".join(
            f'<script type="text/plain" id="vulneuron-{name}">{text}</script>\n    '
            for name, text in chunks.items()
        )
        return _PAGE.format(
            mark=_MARK.format(kind="inline"),
            policy=_POLICY.format(scripts=_hash(script), styles=_hash(self._style)),
            icon=self._icon,
            title=title,
            style=f"<style>{self._style}</style>",
            data=data,
            script=f"<script>{script}</script>",
        )

    def write_folder(self, folder: Path, title: str, chunks: Iterator[tuple[str, str]]) -> None:
        """The page, and beside it a folder with one file per chunk."""
        data = folder / _DATA
        data.mkdir(parents=True)
        (data / "page.js").write_text(self._script, encoding="utf-8")
        (data / "page.css").write_text(self._style, encoding="utf-8")
        for name, text in chunks:
            (data / f"{name}.js").write_text(f'vulneuronChunk("{name}","{text}")\n', encoding="ascii")
        page = _PAGE.format(
            mark=_MARK.format(kind=_DATA),
            policy=_POLICY.format(scripts="'self'", styles="'self'"),
            icon=self._icon,
            title=title,
            style=f'<link rel="stylesheet" href="./{_DATA}/page.css" />',
            data="",
            script=f'<script src="./{_DATA}/page.js"></script>',
        )
        (folder / "index.html").write_text(page, encoding="utf-8")


def _only(pattern: str, page: str) -> str:
    (found,) = re.findall(pattern, page)
    return str(found)


def _with_fonts(style: str, folder: Path) -> str:
    def inlined(match: re.Match[str]) -> str:
        return f"url({_data_url('font/woff2', (folder / match[1]).read_bytes())})"

    return re.sub(r"url\(\.?/?([\w.-]+\.woff2)\)", inlined, style)


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
