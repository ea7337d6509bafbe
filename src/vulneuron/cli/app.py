"""All commands, put together."""

import sys
from typing import Annotated

import typer

from vulneuron._version import __version__
from vulneuron.cli import analyze, demo, doctor, info, maps, neurons, serve


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
