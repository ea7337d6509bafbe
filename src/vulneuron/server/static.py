"""The front end's built files."""

import os
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

#: Written by the build of the front end.
BUILT = Path(__file__).with_name("static")
#: Folder of files whose names contain a hash of their content.
_HASHED = "assets"
_ICON = "icon.svg"
_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Vulneuron: the dashboard is not built</title>
<h1>The dashboard is not built</h1>
<p>The server runs, but the files of its pages are missing. They are built when the package is installed:</p>
<pre>pip install --editable .</pre>
<p>or, during development, in the folder of the project:</p>
<pre>npm --prefix web ci
npm --prefix web run build</pre>
<p>The API works without them: <a href="api/records">api/records</a>.</p>
</html>
"""


class BuiltFiles(StaticFiles):
    """Files that browsers cache forever if their names contain a hash, and otherwise revalidate."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Respond with a file."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        path = Path(full_path)
        if path.parent.name == _HASHED:
            caching = "public, max-age=31536000, immutable"
        else:
            # Browsers request the icon whenever the URL changes, which it does with every click.
            caching = "public, max-age=3600" if path.name == _ICON else "no-cache"
        response.headers["Cache-Control"] = caching
        return response


def add_pages(app: FastAPI, folder: Path) -> None:
    """Serve the front end at ``/``, or a page that explains how to build it."""
    if (folder / "index.html").is_file():
        app.mount("/", BuiltFiles(directory=folder, html=True))
        return

    @app.get("/", include_in_schema=False)
    def _() -> HTMLResponse:
        return HTMLResponse(_NOT_BUILT, headers={"Cache-Control": "no-store"})
