"""Command-line options for the settings of an analysis."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from vulneuron.analysis.declarations import OneOf, Setting, SettingsGroup

#: Values of settings as text, by name.
Choices = dict[str, str]


def settings_options(
    *groups: type[SettingsGroup], leave_out: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add an option to a command for every setting of some groups.

    The command gets the options that a user has passed as ``choices``, by the names of their settings.
    `Settings` validates them.

    Parameters
    ----------
    groups
        The groups.
    leave_out
        Settings that the command does not use.
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
