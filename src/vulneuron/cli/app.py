"""All commands, each of which is imported when it is called."""

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from vulneuron._version import __version__

#: The help of each command, which is in the module of the same name.
COMMANDS = {
    "analyze": "Attack a model on images, and record its neurons before and after the attack.",
    "info": "Show the content of a record: pairs, rates, network, attack, provenance.",
    "neurons": "List the neurons of a pair, or of a cell of the prediction matrix, with all measures.",
    "findings": "Print the findings of a record as Markdown: notes, probabilities and contributions.",
    "maps": "Compute the vulnerability maps of many pairs; finished maps survive an interruption.",
    "report": "Write the dashboard of some pairs as files that need no server, for a paper or a web host.",
    "serve": "Open records in the browser: vulnerable neurons, and the features that they capture.",
    "doctor": "Show versions, the device, and optional dependencies with their purposes.",
    "demo": "Attack EfficientNet-Lite0 on photographs of ImageNet classes; requires the extra `demo`.",
}


class LazyCommand(TyperCommand):
    """Command whose module is imported when it is called, because some take seconds to import."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Parse the arguments of the command itself."""
        command = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        command.command(self.name)(import_module(f"vulneuron.cli.{self.name}").command)
        return typer.main.get_command(command).make_context(*arguments, **options)


def _show_version(requested: bool) -> None:
    if requested:
        sys.stdout.write(f"vulneuron {__version__}\n")
        raise typer.Exit


app = typer.Typer(
    name="vulneuron",
    help="Find the neurons of a CNN that are vulnerable to an adversarial attack, and what they capture.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Take the options before the command."""


for name, line in COMMANDS.items():
    app.command(name, help=line, cls=LazyCommand)(lambda: None)
