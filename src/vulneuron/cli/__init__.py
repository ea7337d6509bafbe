"""The `vulneuron` command."""

import sys

import typer

from vulneuron.cli import analyze, demo, doctor, info, maps, neurons, serve
from vulneuron.errors import VulneuronError

app = typer.Typer(
    name="vulneuron",
    help="Which neurons of a CNN are vulnerable to an adversarial attack, and what do they capture?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("analyze")(analyze.command)
app.command("info")(info.command)
app.command("neurons")(neurons.command)
app.command("maps")(maps.command)
app.command("serve")(serve.command)
app.command("doctor")(doctor.command)
app.command("demo")(demo.command)


def main() -> None:
    """Run the command line; an error that a user can mend is one line, and exit status 1."""
    try:
        app()
    except VulneuronError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
