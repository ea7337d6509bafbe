"""`vulneuron demo`: a first record, made offline from what the packages ship."""

from typing import Annotated

import typer
from rich.console import Console

from vulneuron.cli.info import show
from vulneuron.cli.options import resumable
from vulneuron.demo import run_demo

_NEXT = """
Look into it from Python:
  import vulneuron as vn
  record = vn.open_record("{out}")
  record.pairs     # one row a pair
  record.dataset   # images, feature maps, activations, logits"""


def command(
    out: Annotated[str, typer.Option(help="Where to write the record.")] = "demo.zarr",
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Say afterwards how to look into the record.")
    ] = True,
) -> None:
    """Attack EfficientNet-Lite0 on photographs of ImageNet classes; needs the extra `demo`."""
    with resumable():
        record = run_demo(out)
    show(record)
    if serve:
        Console(highlight=False).print(_NEXT.format(out=out), markup=False)
