"""Attacks of other libraries and user-defined functions behind the interface of `Attack`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from vulneuron.attacks.ball import Ball, make_ball
from vulneuron.attacks.base import Goal, Parameter
from vulneuron.attacks.digest import function_digest
from vulneuron.attacks.epsilon import format_epsilon
from vulneuron.attacks.failures import with_benign_failures
from vulneuron.attacks.fields import coerce_number, coerce_target
from vulneuron.attacks.foreign import (
    ForeignAttack,
    PlainNetwork,
    accepts,
    argument_defaults,
    argument_names,
    function_name,
    json_values,
    require,
)
from vulneuron.errors import AttackError
from vulneuron.network import Classifier

# Foolbox's p of the norm.
_NORMS = {float("inf"): "linf", 2.0: "l2"}


@dataclass(frozen=True)
class FoolboxAttack(ForeignAttack):
    """An attack of foolbox 3 (Rauber et al. 2020, https://doi.org/10.21105/joss.02607).

    Parameters
    ----------
    attack
        An instance, such as ``foolbox.attacks.LinfPGD(steps=10)``.
    eps
        Largest perturbation in the attack's own norm; foolbox clips to it. None for no limit, only for
        attacks that search for the smallest perturbation.
    target
        Target label, or None for an untargeted attack.

    Raises
    ------
    AttackError
        If `attack` is not an instance of a foolbox attack, foolbox cannot be imported, or `eps` is missing or
        invalid for the norm.
    """

    attack: Any
    eps: float | None
    target: int | None = None

    def __post_init__(self) -> None:
        foolbox = require("foolbox")
        if not isinstance(self.attack, foolbox.attacks.Attack):
            raise AttackError(
                f"given {self.attack!r} as a foolbox attack",
                allowed="an instance of a class in foolbox.attacks",
                fix="create one, for example foolbox.attacks.LinfPGD(steps=10)",
            )
        if self.eps is None and isinstance(self.attack, foolbox.attacks.base.FixedEpsilonAttack):
            raise AttackError(
                f"given no eps for {self.name}",
                allowed="a number above 0, because this attack perturbs by a fixed amount",
                fix="pass eps, such as 8/255",
            )
        coerce_target(self)
        if self.eps is not None:
            coerce_number(self, "eps")
            make_ball(self._norm or "l2", self.eps)

    @property
    def name(self) -> str:
        """``foolbox:`` and the name of the class."""
        return f"foolbox:{type(self.attack).__name__}"

    @property
    def ball(self) -> Ball | None:
        """Ball that foolbox clips to; None without `eps` or for norms other than linf and l2."""
        return None if self.eps is None or self._norm is None else make_ball(self._norm, self.eps)

    @property
    def _norm(self) -> str | None:
        try:
            return _NORMS.get(self.attack.distance.p)
        # Attacks without a fixed distance raise ValueError.
        except (AttributeError, ValueError):
            return None

    def parameters(self) -> dict[str, Parameter]:
        """The attack's attributes, `eps` and `target`."""
        eps = None if self.eps is None else format_epsilon(self.eps)
        return {**json_values(vars(self.attack)), "eps": eps, "target": self.target}

    def run(self, classifier: Classifier, images: Tensor, goal: Goal) -> object:
        """Run the attack through foolbox; the result is clipped to `eps`."""
        foolbox = require("foolbox")
        model = foolbox.PyTorchModel(PlainNetwork(classifier), bounds=(0, 1), device=classifier.device)
        if self.target is None:
            criterion = foolbox.criteria.Misclassification(goal.labels)
        else:
            criterion = foolbox.criteria.TargetedMisclassification(torch.full_like(goal.labels, self.target))
        raw, clipped, _ = self.attack(model, images, criterion, epsilons=self.eps)
        if isinstance(self.attack, foolbox.attacks.base.MinimizationAttack):
            failed = (with_benign_failures(raw, images) != raw).flatten(1).any(dim=1)
            clipped = torch.where(failed[:, None, None, None], images, clipped)
        return clipped


@dataclass(frozen=True)
class TorchattacksAttack(ForeignAttack):
    """An attack of torchattacks 3 (Kim 2020, https://arxiv.org/abs/2010.01950).

    torchattacks binds an attack to its network on creation, so give its name or class with arguments, or a
    function that creates it. Attacks with several targets, such as AutoAttack, take the default number of
    classes, or that of the network if it has fewer.

    Parameters
    ----------
    attack
        Name of a class in torchattacks (``"CW"``), a class, or a function such as
        ``lambda module: torchattacks.CW(module, c=1)``, recorded by name and digest.
    arguments
        Keyword arguments in addition to the network.
    target
        Target label, or None for an untargeted attack.

    Raises
    ------
    AttackError
        If torchattacks cannot be imported, or the name or an argument is unknown.
    """

    attack: str | Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    target: int | None = None

    def __post_init__(self) -> None:
        coerce_target(self)
        if not accepts(self._factory, 1, self.arguments):
            raise AttackError(
                f"given {', '.join(self.arguments) or 'no arguments'} for {self.name}",
                allowed=f"the network, then {', '.join(argument_names(self._factory)[1:]) or 'nothing else'}",
                fix="pass all required arguments, and only listed ones",
            )

    @property
    def name(self) -> str:
        """``torchattacks:`` and the name of the class or function."""
        return f"torchattacks:{self.attack if isinstance(self.attack, str) else function_name(self.attack)}"

    @property
    def _factory(self) -> Callable[..., Any]:
        if not isinstance(self.attack, str):
            return self.attack
        classes = torchattacks_classes()
        if self.attack not in classes:
            raise AttackError(
                f"given {self.attack!r} as an attack of torchattacks",
                allowed=", ".join(classes),
                fix="choose one of these",
            )
        return classes[self.attack]

    def parameters(self) -> dict[str, Parameter]:
        """The `arguments` and the `target`, and the digest of a function."""
        parameters = {**json_values(self.arguments), "target": self.target}
        if isinstance(self.attack, str | type):
            return parameters
        return {**parameters, "digest": function_digest(self.attack)}

    def run(self, classifier: Classifier, images: Tensor, goal: Goal) -> object:
        """Create the attack for this network and call it."""
        arguments = {**self._class_count(classifier), **self.arguments}
        attack = self._factory(PlainNetwork(classifier), **arguments)
        if self.target is None:
            return attack(images, goal.labels)
        attack.set_mode_targeted_by_label(quiet=True)
        return attack(images, torch.full_like(goal.labels, self.target))

    def _class_count(self, classifier: Classifier) -> dict[str, int]:
        # Class indices beyond those of the network would raise an error.
        default = argument_defaults(self._factory).get("n_classes")
        return {"n_classes": min(default, classifier.classes)} if isinstance(default, int) else {}


@dataclass(frozen=True)
class ArtAttack(ForeignAttack):
    """An attack of the Adversarial Robustness Toolbox (Nicolae et al. 2018, https://arxiv.org/abs/1807.01069).

    Or any other object with ``generate(x=images, y=labels)`` on NumPy arrays: images ``(n, channel, y, x)``
    in float32, labels ``(n,)`` in int64. Such an object holds its own classifier: make sure that it wraps the
    same network and reads pixels in [0, 1]. Success is determined on the analyzed network.

    Parameters
    ----------
    attack
        The object.
    target
        Label passed as ``y`` in place of the true ones, for an attack created with ``targeted=True``.

    Raises
    ------
    AttackError
        If `attack` has no ``generate`` method.
    """

    attack: Any
    target: int | None = None

    def __post_init__(self) -> None:
        coerce_target(self)
        if not has_generate(self.attack):
            raise AttackError(
                f"given {self.attack!r} as an attack",
                allowed="an object with a method generate(x=..., y=...)",
                fix="pass an instance of an evasion attack",
            )

    @property
    def name(self) -> str:
        """``art:`` and the name of the class."""
        return f"art:{type(self.attack).__name__}"

    def parameters(self) -> dict[str, Parameter]:
        """The attributes listed in ``attack_params``, and the `target`."""
        listed = getattr(self.attack, "attack_params", ())
        return {
            **json_values({name: getattr(self.attack, name, None) for name in listed}),
            "target": self.target,
        }

    def run(self, classifier: Classifier, images: Tensor, goal: Goal) -> object:
        """Call ``generate`` on NumPy arrays."""
        labels = goal.labels if self.target is None else torch.full_like(goal.labels, self.target)
        return self.attack.generate(x=images.cpu().numpy(), y=labels.cpu().numpy())


@dataclass(frozen=True)
class FunctionAttack(ForeignAttack):
    """A user-defined function ``(classifier, images, labels) -> images``.

    Parameters
    ----------
    function
        Takes a `Classifier`, float32 images ``(n, channel, y, x)`` in [0, 1] and int64 labels ``(n,)``, both
        on the classifier's device; returns images of the same shape as a tensor or a NumPy array.
    arguments
        Additional keyword arguments.
    label
        Name in the record; the function's own by default.
    digest
        Hash that changes when the function does, such as a hash of its file; None for `function_digest`.

    Raises
    ------
    AttackError
        If `function` cannot be called with these arguments.
    """

    function: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    label: str | None = None
    digest: str | None = None

    def __post_init__(self) -> None:
        if not accepts(self.function, 3, self.arguments):
            named = f" and {', '.join(self.arguments)}" if self.arguments else ""
            raise AttackError(
                f"given {self.name}, which cannot be called with three arguments{named}",
                allowed="a function (classifier, images, labels) -> images",
                fix="change its arguments, or wrap a factory of torchattacks attacks in TorchattacksAttack",
            )

    @property
    def name(self) -> str:
        """The `label`."""
        return self.label or function_name(self.function)

    def parameters(self) -> dict[str, Parameter]:
        """The `arguments` and the `digest`."""
        return {**json_values(self.arguments), "digest": self.digest or function_digest(self.function)}

    def run(self, classifier: Classifier, images: Tensor, goal: Goal) -> object:
        """Call the function."""
        return self.function(classifier, images, goal.labels, **self.arguments)


def torchattacks_classes() -> dict[str, Callable[..., Any]]:
    """The attacks of torchattacks that need only a network, by name.

    Raises
    ------
    AttackError
        If torchattacks cannot be imported.
    """
    torchattacks = require("torchattacks")
    return {
        name: getattr(torchattacks, name)
        for name in torchattacks.__all__
        if name not in torchattacks.__wrapper__
    }


def has_generate(obj: object) -> bool:
    """Whether an object (not a class) has a ``generate`` method."""
    return not isinstance(obj, type) and callable(getattr(obj, "generate", None))
