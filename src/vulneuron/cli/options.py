"""What the commands share: readers of option values, options of settings, and what Ctrl-C says."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import typer

from vulneuron.analysis.declarations import OneOf, Setting, SettingsGroup
from vulneuron.errors import ModelError

Choices = dict[str, str]
LAYER_HELP = "Target layer whose neurons are meant. [default: the last one of the record]"


def comma_separated(text: str | None) -> list[str] | None:
    """Parts of ``a,b,c`` without blanks around them; None for None."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


@contextmanager
def resumable() -> Iterator[None]:
    """Say on Ctrl-C that nothing is lost; exit status 130."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Run the same command again: it goes on where it stopped.\n")
        raise typer.Exit(130) from None


def numbers(text: str | None, option: str) -> list[float] | None:
    """Numbers of ``0.5,0.5,0.5``; None for None."""
    parts = comma_separated(text)
    try:
        return None if parts is None else [float(part) for part in parts]
    except ValueError:
        raise ModelError(
            f"{option} is {text!r}",
            allowed="comma-separated numbers, one a channel",
            fix=f"write for example {option} 0.485,0.456,0.406",
        ) from None


def settings_options(
    *groups: type[SettingsGroup], leave_out: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for every setting of some groups.

    The command's parameter ``choices`` becomes the options that were given, by their settings' names; they
    are validated by `Settings`.

    Parameters
    ----------
    groups
        The groups.
    leave_out
        Settings that the command does not read.
    """
    options = {
        name: _option(name, setting, group)
        for group in groups
        for name, setting in group.declared().items()
        if name not in leave_out
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_settings(**values: Any) -> None:
            texts = {name: values.pop(name) for name in options}
            command(**values, choices={name: text for name, text in texts.items() if text is not None})

        signature = inspect.signature(command)
        own = [one for name, one in signature.parameters.items() if name != "choices"]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=str | None)
            for name, option in options.items()
        ]
        with_settings.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        with_settings.__annotations__ = {one.name: one.annotation for one in (*own, *added)}
        return with_settings

    return decorate


def _option(name: str, setting: Setting, group: type[SettingsGroup]) -> Any:
    default = group.model_fields[name].default
    words = "".join(
        f" `{word}`: {choice.meaning}." for word, choice in setting.choices.items() if choice.meaning
    )
    shown = setting.null if default is None else f"{default:g}" if isinstance(default, float) else default
    return typer.Option(
        None,
        f"--{name.replace('_', '-')}",
        metavar="WORD" if isinstance(setting, OneOf) else "NUMBER",
        help=f"{setting.meaning}{words} [default: {shown}]",
        rich_help_panel=(group.__doc__ or "").rstrip("."),
    )
