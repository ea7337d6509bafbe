"""Attacks from specs such as ``pgd?steps=20``, or from Python objects."""

import hashlib
import inspect
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from vulneuron.attacks.adapters import (
    ArtAttack,
    FoolboxAttack,
    FunctionAttack,
    TorchattacksAttack,
    has_generate,
    torchattacks_classes,
)
from vulneuron.attacks.base import BUILT_IN, Attack
from vulneuron.attacks.epsilon import parse_epsilon
from vulneuron.attacks.foreign import accepts, argument_names, comes_from, require
from vulneuron.errors import AttackError, VulneuronError, did_you_mean, one_line
from vulneuron.inputs.specs import split_spec
from vulneuron.inputs.userfile import load_function

Options = dict[str, Any]

_WORDS = {"true": True, "false": False, "none": None}
# The libraries' names for `step_size`.
_STEP_SIZES = ("abs_stepsize", "stepsize", "alpha")
_TORCHATTACKS_NORMS = {"linf": "Linf", "l2": "L2"}


def built_in_attacks() -> Mapping[str, type[Attack]]:
    """Attacks of this package by name, such as ``pgd``; those of all its modules."""
    package = import_module("vulneuron.attacks")
    for module in iter_modules(package.__path__):
        import_module(f"vulneuron.attacks.{module.name}")
    return dict(sorted(BUILT_IN.items()))


def attack_label(name: str) -> str:
    """Common spelling of the name of an attack in a record: ``PGD`` for ``pgd``."""
    attack = built_in_attacks().get(name)
    return attack.display_name if attack else name


def attack_forms() -> str:
    """The forms that `make_attack` reads, in one line."""
    names = ", ".join(built_in_attacks())
    return f"{names}, foolbox:NAME, torchattacks:NAME, or PATH.py:FUNCTION, each with ?parameter=value&..."


def as_attack(obj: object) -> Attack:
    """Convert an object to an `Attack`.

    Parameters
    ----------
    obj
        An `Attack`; the name of one, as in `make_attack`; a class of torchattacks (with its default
        parameters); an attack of the Adversarial Robustness Toolbox, or another object with
        ``generate(x=..., y=...)``; or a function ``(classifier, images, labels) -> images``.

    Raises
    ------
    AttackError
        For anything else, and for instances that are not enough: a foolbox attack needs an epsilon, and a
        torchattacks attack is already bound to a network.
    """
    if isinstance(obj, Attack):
        return obj
    if isinstance(obj, str):
        return make_attack(obj)
    if comes_from("foolbox", obj):
        raise AttackError(
            f"given the foolbox attack {obj!r} without an epsilon",
            allowed="FoolboxAttack(attack, eps)",
            fix="wrap an instance, for example FoolboxAttack(attack, 8 / 255)",
        )
    if comes_from("torchattacks", obj):
        if isinstance(obj, type):
            return TorchattacksAttack(obj)
        name = type(obj).__name__
        raise AttackError(
            f"given the torchattacks attack {name}, which is already bound to a network",
            allowed="TorchattacksAttack(name, arguments)",
            fix=f"pass its name and arguments, for example TorchattacksAttack({name!r}, {{'steps': 10}})",
        )
    if has_generate(obj):
        return ArtAttack(obj)
    if callable(obj) and not isinstance(obj, type):
        return FunctionAttack(obj)
    raise AttackError(
        f"given {obj!r} as an attack",
        allowed="an Attack, a name such as 'pgd', a class of torchattacks, an object with generate(x=..., "
        "y=...), or a function (classifier, images, labels) -> images",
        fix="pass one of these",
    )


def make_attack(
    spec: str,
    *,
    eps: str | float | None = None,
    step_size: str | float | None = None,
    steps: int | None = None,
    norm: str | None = None,
    target: int | None = None,
) -> Attack:
    """Make an attack from its name.

    Parameters
    ----------
    spec
        The name of one of `built_in_attacks`, ``foolbox:NAME``, ``torchattacks:NAME``, or
        ``PATH.py:FUNCTION`` with a function ``(classifier, images, labels) -> images``, or one without
        required arguments that returns an attack.
        Parameters may follow: ``pgd?restarts=5&early_stop=true``,
        ``torchattacks:CW?c=1``.
    eps, step_size
        For pixels in [0, 1], as a number or a string such as ``8/255``.
    steps, norm, target
        As in `PGD`. None leaves a parameter at the attack's default.

    Returns
    -------
    Attack
        The attack.

    Raises
    ------
    AttackError
        If the name is unknown, a parameter is unknown, given twice or invalid, or the library is not
        installed.

    Examples
    --------
    >>> make_attack("pgd", eps="4/255").parameters()["eps"]
    '4/255'
    """
    name, texts = split_spec(spec, AttackError)
    arguments = {"eps": eps, "step_size": step_size, "steps": steps, "norm": norm, "target": target}
    options = _merged(spec, texts, {key: value for key, value in arguments.items() if value is not None})
    library, colon, attack = name.partition(":")
    built_in = built_in_attacks()
    if name in built_in:
        return _built_in(name, built_in[name], options)
    if colon and library == "foolbox":
        return _foolbox(attack, options)
    if colon and library == "torchattacks":
        return _torchattacks(attack, options)
    if colon and ".py:" in name:
        return _from_file(name, options)
    hint = did_you_mean(library, [*built_in, "foolbox", "torchattacks"])
    raise AttackError(
        f"given {spec!r} as an attack", allowed=attack_forms(), fix=hint or "Choose one of these forms"
    )


def _merged(spec: str, texts: Mapping[str, str], arguments: Options) -> Options:
    twice = next((key for key in texts if key in arguments), None)
    if twice is not None:
        raise AttackError(
            f"given {twice} in {spec!r} and again as {arguments[twice]}",
            allowed="each parameter once",
            fix="leave out one of the two",
        )
    options = {**arguments, **{key: _literal(text) for key, text in texts.items()}}
    for key in ("eps", "step_size"):
        if options.get(key) is not None:
            options[key] = parse_epsilon(options[key])
    return options


def _literal(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for read in (int, float, parse_epsilon):
        try:
            return read(text)
        except (ValueError, AttackError):
            continue
    return text


def _built_in(name: str, cls: type[Attack], options: Options) -> Attack:
    fields = argument_names(cls)
    _check_parameters(name, options, fields)
    missing = [key for key in ("eps", "step_size") if key in fields and key not in options]
    if options.get("norm") == "l2" and missing:
        raise AttackError(
            f"given norm l2 for {name} without {' and '.join(missing)}",
            allowed="l2 with both, as the defaults are for linf" if "step_size" in fields else "l2 with eps",
            fix="use for example eps 0.5 and step size 0.1 for images of 32 x 32 pixels",
        )
    return cls(**options)


def _foolbox(name: str, options: Options) -> Attack:
    attacks = require("foolbox").attacks
    classes = {
        key: value
        for key, value in vars(attacks).items()
        if isinstance(value, type) and issubclass(value, attacks.Attack) and not inspect.isabstract(value)
    }
    _check_name("foolbox", name, classes)
    parameters = argument_names(classes[name])
    eps, target = options.pop("eps", None), options.pop("target", None)
    options = _rename_step_size(options, parameters)
    _check_parameters(f"foolbox:{name}", options, ["eps", "target", *parameters])
    attack = _create(f"foolbox:{name}", classes[name], options)
    return FoolboxAttack(attack, eps, target)


def _torchattacks(name: str, options: Options) -> Attack:
    classes = torchattacks_classes()
    _check_name("torchattacks", name, classes)
    parameters = argument_names(classes[name])[1:]
    target = options.pop("target", None)
    options = _rename_step_size(options, parameters)
    _check_parameters(f"torchattacks:{name}", options, ["target", *parameters])
    if "norm" in options:
        options["norm"] = _TORCHATTACKS_NORMS.get(options["norm"], options["norm"])
    return TorchattacksAttack(name, options, target)


def _from_file(name: str, options: Options) -> Attack:
    function = load_function(name, AttackError)
    if isinstance(function, Attack):
        _check_parameters(name, options, [])
        return function
    _check_parameters(name, options, argument_names(function))
    # Attack functions require three arguments, so a function without required ones creates an attack.
    if accepts(function, 0, options):
        return as_attack(_create(name, function, options))
    path = Path(name.rpartition(":")[0]).expanduser()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return FunctionAttack(function, options, name, digest)


def _create(name: str, function: Callable[..., Any], options: Options) -> Any:
    try:
        return function(**options)
    except VulneuronError:
        raise
    except Exception as error:
        raise AttackError(
            f"{name} cannot be created: {one_line(error)}",
            allowed=", ".join(argument_names(function)) or "no parameters",
            fix="check its parameters",
        ) from error


def _rename_step_size(options: Options, parameters: Collection[str]) -> Options:
    foreign_name = next((name for name in _STEP_SIZES if name in parameters), "step_size")
    return {foreign_name if key == "step_size" else key: value for key, value in options.items()}


def _check_parameters(name: str, options: Options, parameters: Collection[str]) -> None:
    unknown = [key for key in options if key not in parameters]
    if unknown:
        raise AttackError(
            f"given {', '.join(unknown)} for {name}, which has no such parameter",
            allowed=", ".join(parameters) or "no parameters",
            fix=did_you_mean(unknown[0], parameters) or "leave it out",
        )


def _check_name(library: str, name: str, attacks: Collection[str]) -> None:
    if name not in attacks:
        raise AttackError(
            f"given {name!r} as an attack of {library}",
            allowed=", ".join(sorted(attacks)),
            fix=did_you_mean(name, attacks) or "choose one of these",
        )
