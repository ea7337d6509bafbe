"""The page of a report: the built front end, in the form that a browser loads without a server."""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from vulneuron.errors import RecordError

#: Folder of all files but the page.
_DATA = "report"
#: Marks a page as a report, so that it may be overwritten; the page's script reads it, too.
_MARK = '<meta name="vulneuron-report" content="{kind}" />'
MARKED = '<meta name="vulneuron-report"'
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


class FrontEnd:
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

    def folder(self, title: str, chunks: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Paths and contents of the page, and of the files beside it, one per chunk."""
        yield f"{_DATA}/page.js", self._script
        yield f"{_DATA}/page.css", self._style
        for name, text in chunks:
            yield f"{_DATA}/{name}.js", f'vulneuronChunk("{name}","{text}")\n'
        page = _PAGE.format(
            mark=_MARK.format(kind=_DATA),
            policy=_POLICY.format(scripts="'self'", styles="'self'"),
            icon=self._icon,
            title=title,
            style=f'<link rel="stylesheet" href="./{_DATA}/page.css" />',
            data="",
            script=f'<script src="./{_DATA}/page.js"></script>',
        )
        yield "index.html", page


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
