"""`vulneuron demo`: a first record, made offline, and its dashboard. Each command is a module."""

from typing import Annotated

import typer

from vulneuron.cli import serve
from vulneuron.cli.info import show
from vulneuron.cli.options import resumable


def command(
    out: Annotated[str, typer.Option(help="Where to write the record.")] = "demo.zarr",
    serve_record: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve the dashboard afterwards.")
    ] = True,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the dashboard in the browser.")
    ] = True,
) -> None:
    """Attack EfficientNet-Lite0 on photographs of ImageNet classes; requires the extra `demo`."""
    from vulneuron.demo import run_demo

    with resumable():
        record = run_demo(out)
    show(record)
    if serve_record:
        serve.command([out], open_browser=open_browser)
