"""`vulneuron demo`: a first record, made offline from what the packages ship."""

from typing import Annotated

import typer

from vulneuron.cli.info import show
from vulneuron.demo import run_demo


def command(
    out: Annotated[str, typer.Option(help="Where to write the record.")] = "demo.zarr",
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Print what to do with the record afterwards.")
    ] = True,
) -> None:
    """Attack EfficientNet-Lite0 on photographs of ImageNet classes; needs the extra `demo`."""
    record = run_demo(out)
    show(record)
