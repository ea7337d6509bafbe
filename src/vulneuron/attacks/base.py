"""What every attack has to keep: the base class owns the checks, a subclass only its algorithm."""

import contextlib
import dataclasses
import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812  # its name everywhere
from torch import Tensor

from vulneuron.attacks.ball import ROUNDING, Ball
from vulneuron.errors import AttackError
from vulneuron.network import Classifier

Parameter: TypeAlias = str | int | float | bool | None
Labels: TypeAlias = Tensor | npt.NDArray[Any] | Sequence[int]


@dataclass(frozen=True)
class AttackResult:
    """What an attack made of a batch of images.

    Attributes
    ----------
    images
        Adversarial images, float32 in [0, 1], with the shape and on the device of the benign ones.
    success
        ``(n,)``, bool, on the same device: the prediction on the adversarial image differs from the label
        and, for a targeted attack, is the target. An image whose label is the target never succeeds.
    """

    images: Tensor
    success: Tensor


@dataclass(frozen=True)
class Goal:
    """What an attack wants of each image: any label but its own, or one target label.

    Attributes
    ----------
    labels
        True labels, ``(n,)``, int64.
    target
        The label to reach, or None if any wrong one will do.
    """

    labels: Tensor
    target: int | None = None

    def loss(self, logits: Tensor) -> Tensor:
        r"""Loss of each image that an attack raises, ``(n,)``.

        Untargeted :math:`-\log p_y`, the cross-entropy of the true label y; targeted :math:`\log p_t`, the
        negative cross-entropy of the target t.
        """
        if self.target is None:
            return F.cross_entropy(logits, self.labels, reduction="none")
        return -F.cross_entropy(logits, torch.full_like(self.labels, self.target), reduction="none")

    def reached(self, logits: Tensor) -> Tensor:
        """Whether each image is predicted as wanted, ``(n,)``, bool."""
        predicted = logits.argmax(dim=1)
        wrong = predicted != self.labels
        return wrong if self.target is None else wrong & (predicted == self.target)

    def __getitem__(self, chosen: Tensor) -> "Goal":
        return Goal(self.labels[chosen], self.target)


class Attack(ABC):
    """An algorithm that perturbs images until a classifier errs.

    Subclass it as a frozen dataclass and write `name`, `parameters` and `perturb`; give it a `ball` if its
    perturbations are bounded, and a `target` if it has one. `adversarial_images`, and calling the attack,
    check what goes in and what comes out, so a subclass need not.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name for the record, such as ``pgd``."""

    @property
    def target(self) -> int | None:
        """Label that every image shall be predicted as; None if any wrong one will do."""
        return None

    @property
    def ball(self) -> Ball | None:
        """Where the results are bound to be; None if nothing is promised."""
        return None

    def aimed_at(self, target: int) -> "Attack":
        """Return the same attack with a target.

        Raises
        ------
        AttackError
            If it is no attack that can have one.
        """
        if not dataclasses.is_dataclass(self) or "target" not in {it.name for it in dataclasses.fields(self)}:
            raise AttackError(
                f"given target {target} for the attack {self.name}",
                allowed="an attack that has a target, such as pgd and fgsm",
                fix="Leave the target out, or set it where the attack is made",
            )
        return dataclasses.replace(self, target=target)

    @abstractmethod
    def parameters(self) -> dict[str, Parameter]:
        """Everything that decides the result, as JSON values; epsilons as texts like ``8/255``."""

    @abstractmethod
    def perturb(self, classifier: Classifier, images: Tensor, goal: Goal, seeds: Sequence[int]) -> Tensor:
        """Make the adversarial images.

        Parameters
        ----------
        classifier
            The network to attack.
        images
            ``(n, channel, y, x)``, float32 in [0, 1], n > 0, on the classifier's device; yours to change.
        goal
            The true labels, yours to change too, and the target if there is one.
        seeds
            One seed an image: draw whatever is random for an image from its own seed only, so that the result
            does not depend on the batch.

        Returns
        -------
        Tensor
            The shape of `images`. Pixels may be outside of [0, 1] and of the ball by rounding only.
        """

    def __call__(
        self, classifier: Classifier, images: Tensor, labels: Labels, *, seeds: Sequence[int] | None = None
    ) -> AttackResult:
        """Attack a batch of images, and predict the results to see which ones succeeded.

        Parameters and errors are those of `adversarial_images`.
        """
        adversarial = self.adversarial_images(classifier, images, labels, seeds=seeds)
        goal = Goal(_checked_labels(labels, images, classifier), self.target)
        if len(images) == 0:
            return AttackResult(adversarial, torch.zeros(0, dtype=torch.bool, device=images.device))
        return AttackResult(adversarial, goal.reached(classifier.logits(adversarial)).to(images.device))

    def adversarial_images(
        self, classifier: Classifier, images: Tensor, labels: Labels, *, seeds: Sequence[int] | None = None
    ) -> Tensor:
        """Attack a batch of images, without looking whether it succeeds.

        Parameters
        ----------
        classifier
            The network to attack.
        images
            Benign images, ``(n, channel, y, x)``, float32 in [0, 1], on any device.
        labels
            True labels, ``(n,)``, integers from 0 to ``classifier.classes - 1``, as a tensor, array or list.
        seeds
            One seed an image, so that an image gets the same result in whatever batch it is; None draws them
            from PyTorch's default generator.

        Returns
        -------
        Tensor
            The shape and the device of `images`, float32: finite, in [0, 1] and, where the attack has a
            `ball`, inside it exactly.

        Raises
        ------
        AttackError
            If the images, labels, seeds or the target do not fit, or the attack returns what no attack may.
        """
        _check_images(images)
        labels = _checked_labels(labels, images, classifier)
        target = self._checked_target(classifier)
        seeds = _checked_seeds(seeds, len(images))
        if len(images) == 0:
            return images.clone()
        # Callers may be in inference mode, whose tensors have no part in gradients: hence the copies.
        with torch.inference_mode(False), torch.enable_grad():
            benign = images.detach().to(classifier.device, copy=True)
            made = self.perturb(classifier, benign.clone(), Goal(labels.clone(), target), seeds)
            adversarial = self._checked_result(made, benign)
        return adversarial.to(images.device)

    def _checked_target(self, classifier: Classifier) -> int | None:
        if self.target is not None and self.target >= classifier.classes:
            raise AttackError(
                f"given target {self.target} for a model with {classifier.classes} classes",
                allowed=f"0 to {classifier.classes - 1}",
                fix="Choose the number of a class, counted from 0",
            )
        return self.target

    def _checked_result(self, adversarial: Tensor, images: Tensor) -> Tensor:
        allowed = "finite float images of the given shape, in [0, 1]"
        fix = "Mend the attack, or clip what it returns"
        same = isinstance(adversarial, Tensor) and adversarial.shape == images.shape
        if not (same and adversarial.is_floating_point()):
            raise AttackError(
                f"attack {self.name} returned {_described(adversarial)} for images of {_described(images)}",
                allowed=allowed,
                fix=fix,
            )
        adversarial = adversarial.detach().to(images)
        if not adversarial.isfinite().all():
            count = int((~adversarial.isfinite()).sum())
            raise AttackError(
                f"attack {self.name} returned {count} pixels that are NaN or infinite",
                allowed=allowed,
                fix=fix,
            )
        low, high = adversarial.min().item(), adversarial.max().item()
        if low < -ROUNDING or high > 1 + ROUNDING:
            raise AttackError(
                f"attack {self.name} returned pixels from {low:g} to {high:g}", allowed=allowed, fix=fix
            )
        return self._within_ball(adversarial.clamp(0.0, 1.0), images)

    def _within_ball(self, adversarial: Tensor, images: Tensor) -> Tensor:
        if self.ball is None:
            return adversarial
        distance = self.ball.distance(adversarial, images).max().item()
        if distance > self.ball.eps + self.ball.tolerance(images):
            raise AttackError(
                f"attack {self.name} returned an image at a {self.ball.norm} distance of {distance:.6g}",
                allowed=f"at most eps = {self.ball.eps:.6g}",
                fix="Project what it returns with its ball's project",
            )
        return self.ball.project(adversarial, images)


def loss_gradient(classifier: Classifier, images: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
    """Gradients of the goal's loss with respect to the pixels, and the logits on the way.

    Losses are summed, so the gradient of an image does not depend on the size of the batch.

    Returns
    -------
    tuple of Tensor
        Gradients, the shape of `images`, and logits ``(n, class)``, both detached.

    Raises
    ------
    AttackError
        If gradients are NaN: their signs would be 0, and the attack would stand still in silence.
    """
    leaf = images.detach().requires_grad_()
    logits = classifier(leaf)
    (gradient,) = torch.autograd.grad(goal.loss(logits).sum(), leaf)
    broken = gradient.flatten(1).isnan().any(dim=1)
    if broken.any():
        raise AttackError(
            f"the network's gradients for the pixels are NaN on {int(broken.sum())} of {len(images)} images",
            allowed="a network that can be differentiated at these images",
            fix="Check its weights and its normalization, and compute in float32",
        )
    return gradient, logits.detach()


def keep_target(attack: Attack) -> None:
    """Check the field `target` of a new attack: None, or an integer from 0; see `keep_integer`."""
    if attack.target is not None:
        keep_integer(attack, "target", least=0)


def keep_integer(attack: Attack, field: str, *, least: int = 1) -> None:
    """Check that a field of a new attack is an integer, and keep it as one of Python's own.

    Integers of NumPy and PyTorch are taken, but have no place among JSON values.

    Raises
    ------
    AttackError
        If the field is no integer of at least `least`.
    """
    value = getattr(attack, field)
    number = None
    # An index is what all types of integers can be turned into, and floats cannot; True could, too.
    with contextlib.suppress(TypeError):
        number = None if isinstance(value, bool) else operator.index(value)
    if number is None or number < least:
        raise AttackError(
            f"given {field} = {value!r}",
            allowed=f"an integer of at least {least}",
            fix=f"Choose another {field}",
        )
    # The way of frozen dataclasses to finish their fields in __post_init__.
    object.__setattr__(attack, field, number)


def check_flag(name: str, value: bool) -> None:
    """Refuse anything but True and False.

    Raises
    ------
    AttackError
        If `value` is something else.
    """
    if not isinstance(value, bool):
        raise AttackError(f"given {name} = {value!r}", allowed="True or False", fix=f"Choose another {name}")


def _check_images(images: Tensor) -> None:
    allowed = "a float32 tensor (n, channel, y, x) with finite pixels in [0, 1]"
    if not isinstance(images, Tensor) or images.ndim != 4 or images.dtype != torch.float32:
        raise AttackError(
            f"given images as {_described(images)}",
            allowed=allowed,
            fix="Convert them, for example with .float() / 255",
        )
    if images.numel() == 0:
        return
    low, high = images.min().item(), images.max().item()
    # NaN fails both comparisons.
    if not (low >= 0 and high <= 1):
        raise AttackError(
            f"given images with pixels from {low:g} to {high:g}",
            allowed=allowed,
            fix="Undo the normalization, which is part of the model, or divide by 255",
        )


def _checked_labels(labels: Labels, images: Tensor, classifier: Classifier) -> Tensor:
    allowed = f"one integer from 0 to {classifier.classes - 1} for each of the {len(images)} images"
    if not isinstance(labels, Tensor):
        # Texts and lists of several lengths raise; an empty list would become floats.
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            labels = torch.tensor(np.asarray(labels) if len(labels) else np.zeros(0, np.int64))
    if not isinstance(labels, Tensor) or labels.shape != images.shape[:1] or not _integers(labels):
        raise AttackError(
            f"given labels as {_described(labels)}",
            allowed=allowed,
            fix="Give the true labels as an int64 tensor",
        )
    labels = labels.to(classifier.device, torch.int64)
    outside = labels[(labels < 0) | (labels >= classifier.classes)]
    if len(outside):
        raise AttackError(
            f"given label {outside[0].item()}",
            allowed=allowed,
            fix="Check that the labels are of this model's classes",
        )
    return labels


def _described(value: object) -> str:
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def _integers(labels: Tensor) -> bool:
    return not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)


def _checked_seeds(seeds: Sequence[int] | None, count: int) -> list[int]:
    if seeds is None:
        return [int(seed) for seed in torch.randint(2**62, (count,))]
    seeds = [int(seed) for seed in seeds]
    if len(seeds) != count or not all(0 <= seed < 2**63 for seed in seeds):
        raise AttackError(
            f"given {len(seeds)} seeds from {min(seeds, default=0)} for {count} images",
            allowed="one integer from 0 to 2 ** 63 - 1 an image",
            fix="Give one seed an image, or leave them out",
        )
    return seeds
