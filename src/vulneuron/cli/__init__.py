"""The `vulneuron` command."""

import os
import sys
from typing import Annotated

import typer

from vulneuron._version import __version__
from vulneuron.cli import analyze, demo, doctor, info, maps, neurons, serve
from vulneuron.errors import VulneuronError


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"vulneuron {__version__}\n")
        raise typer.Exit


app = typer.Typer(
    name="vulneuron",
    help="Which neurons of a CNN are vulnerable to an adversarial attack, and what do they capture?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop."),
    ] = False,
) -> None:
    """Take what stands before the command."""


app.command("analyze")(analyze.command)
app.command("info")(info.command)
app.command("neurons")(neurons.command)
app.command("maps")(maps.command)
app.command("serve")(serve.command)
app.command("doctor")(doctor.command)
app.command("demo")(demo.command)


def main() -> None:
    """Run the command line; an error that a user can mend is one line, and exit status 1."""
    # oneDNN keeps what it has prepared for each shape that it meets, by default for 1,024 of them. Regions
    # have many shapes, and what is kept splits the free memory up: it takes up to 1 GiB more, for no gain.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    try:
        app()
    except VulneuronError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
