"""The interface of attacks: the base class owns the checks, a subclass only its algorithm."""

import contextlib
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812  # its name everywhere
from torch import Tensor

from vulneuron.attacks.ball import ROUNDING, Ball
from vulneuron.attacks.failures import with_benign_failures
from vulneuron.errors import AttackError
from vulneuron.network import Classifier

Parameter: TypeAlias = str | int | float | bool | None
Labels: TypeAlias = Tensor | npt.NDArray[Any] | Sequence[int]


@dataclass(frozen=True)
class AttackResult:
    """Result of an attack on a batch of images.

    Attributes
    ----------
    images
        Adversarial images, float32 in [0, 1], with the shape and on the device of the benign ones.
    success
        ``(n,)``, bool, on the same device: the prediction on the adversarial image differs from the label
        and, for a targeted attack, equals the target. An image with the target as its label never succeeds.
    """

    images: Tensor
    success: Tensor


@dataclass(frozen=True)
class Goal:
    """Goal of an attack: any label but the true one, or one target label.

    Attributes
    ----------
    labels
        True labels, ``(n,)``, int64.
    target
        Target label, or None for an untargeted attack.
    """

    labels: Tensor
    target: int | None = None

    def loss(self, logits: Tensor) -> Tensor:
        r"""Loss that the attack increases, per image: ``(n,)``.

        Untargeted :math:`-\log p_y`, the cross-entropy of the true label y; targeted :math:`\log p_t`, the
        negative cross-entropy of the target t.
        """
        if self.target is None:
            return F.cross_entropy(logits, self.labels, reduction="none")
        return -F.cross_entropy(logits, torch.full_like(self.labels, self.target), reduction="none")

    def reached(self, logits: Tensor) -> Tensor:
        """Whether each image reaches the goal, ``(n,)``, bool."""
        predicted = logits.argmax(dim=1)
        wrong = predicted != self.labels
        return wrong if self.target is None else wrong & (predicted == self.target)

    def __getitem__(self, images: Tensor) -> "Goal":
        return Goal(self.labels[images], self.target)


#: Built-in attacks by the name that `vulneuron.attacks.make_attack` and the command line take.
BUILT_IN: dict[str, type["Attack"]] = {}


class Attack(ABC):
    """An algorithm that perturbs images until a classifier misclassifies them.

    Subclass it as a frozen dataclass with `name`, `parameters` and `perturb`, a `ball` if its perturbations
    are bounded, and a `target` if it supports one. `adversarial_images` and calling the attack check inputs
    and outputs, so a subclass need not.

    Two class keywords register a built-in attack: ``built_in`` is the name under which
    `vulneuron.attacks.make_attack` and the command line find it, and ``label`` is its common spelling, such
    as ``PGD``. All modules of `vulneuron.attacks` are imported, so a new attack only requires one file.
    """

    #: Common spelling of the name; empty if there is none.
    display_name: ClassVar[str] = ""

    def __init_subclass__(cls, *, built_in: str | None = None, label: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.display_name = label
        if built_in is not None:
            BUILT_IN[built_in] = cls

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name for the record, such as ``pgd``."""

    @property
    def target(self) -> int | None:
        """Target label, or None for an untargeted attack."""
        return None

    @property
    def ball(self) -> Ball | None:
        """Ball that contains the results; None if they are not bounded."""
        return None

    def aimed_at(self, target: int) -> "Attack":
        """Return the same attack with a target.

        Raises
        ------
        AttackError
            If the attack does not support targets.
        """
        if not dataclasses.is_dataclass(self) or "target" not in {
            field.name for field in dataclasses.fields(self)
        }:
            raise AttackError(
                f"given target {target} for the attack {self.name}",
                allowed="an attack with a target, such as pgd",
                fix="leave the target out, or set it when you create the attack",
            )
        return dataclasses.replace(self, target=target)

    @abstractmethod
    def parameters(self) -> dict[str, Parameter]:
        """Everything that determines the result, as JSON values; epsilons as strings such as ``8/255``."""

    @abstractmethod
    def perturb(self, classifier: Classifier, images: Tensor, goal: Goal, seeds: Sequence[int]) -> Tensor:
        """Compute adversarial images.

        Parameters
        ----------
        classifier
            The network to attack.
        images
            ``(n, channel, y, x)``, float32 in [0, 1], n > 0, on the classifier's device; may be modified.
        goal
            The true labels, which may be modified too, and the target if there is one.
        seeds
            One seed per image. Draw an image's random numbers from its own seed only; its result then does
            not depend on the batch.

        Returns
        -------
        Tensor
            In the shape of `images`. Pixels may leave [0, 1] and the ball only by rounding.
        """

    def __call__(
        self, classifier: Classifier, images: Tensor, labels: Labels, *, seeds: Sequence[int] | None = None
    ) -> AttackResult:
        """Attack a batch of images, and classify the results to determine success.

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
        """Attack a batch of images without determining success.

        Parameters
        ----------
        classifier
            The network to attack.
        images
            Benign images, ``(n, channel, y, x)``, float32 in [0, 1], on any device.
        labels
            True labels, ``(n,)``, integers from 0 to ``classifier.classes - 1``, as a tensor, array or list.
        seeds
            One seed per image, which gives an image the same result in any batch; None draws them from
            PyTorch's default generator.

        Returns
        -------
        Tensor
            In the shape and on the device of `images`, float32: finite, in [0, 1] and exactly inside the
            attack's `ball`, if it has one. Without a ball, blank images are failures, and replaced by the
            benign ones.

        Raises
        ------
        AttackError
            If the images, labels, seeds or target are invalid, or the attack's result is.
        """
        _check_images(images)
        labels = _checked_labels(labels, images, classifier)
        target = self._checked_target(classifier)
        seeds = _checked_seeds(seeds, len(images))
        if len(images) == 0:
            return images.clone()
        # Copied, as callers may be in inference mode, whose tensors cannot be differentiated.
        with torch.inference_mode(False), torch.enable_grad():
            benign = images.detach().to(classifier.device, copy=True)
            perturbed = self.perturb(classifier, benign.clone(), Goal(labels.clone(), target), seeds)
            adversarial = self._checked_result(perturbed, benign)
        return adversarial.to(images.device)

    def _checked_target(self, classifier: Classifier) -> int | None:
        if self.target is not None and self.target >= classifier.classes:
            raise AttackError(
                f"given target {self.target} for a model with {classifier.classes} classes",
                allowed=f"0 to {classifier.classes - 1}",
                fix="choose a class index, counted from 0",
            )
        return self.target

    def _checked_result(self, adversarial: Tensor, images: Tensor) -> Tensor:
        allowed = "finite float images of the given shape, in [0, 1]"
        fix = "fix the attack, or clip its output"
        same_shape = isinstance(adversarial, Tensor) and adversarial.shape == images.shape
        if not (same_shape and adversarial.is_floating_point()):
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
            return with_benign_failures(adversarial, images)
        distance = self.ball.distance(adversarial, images).max().item()
        if distance > self.ball.eps + self.ball.tolerance(images):
            raise AttackError(
                f"attack {self.name} returned an image at a {self.ball.norm} distance of {distance:.6g}",
                allowed=f"at most eps = {self.ball.eps:.6g}",
                fix="project the result with its ball's project method",
            )
        return self.ball.project(adversarial, images)


def loss_gradient(classifier: Classifier, images: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
    """Gradients of the goal's loss with respect to the pixels, and the logits.

    Losses are summed, so an image's gradient does not depend on the batch size.

    Returns
    -------
    tuple of Tensor
        Gradients, in the shape of `images`, and logits ``(n, class)``, both detached.

    Raises
    ------
    AttackError
        If gradients are NaN, whose signs are 0: the attack would silently stand still.
    """
    leaf = images.detach().requires_grad_()
    logits = classifier(leaf)
    (gradient,) = torch.autograd.grad(goal.loss(logits).sum(), leaf)
    broken = gradient.flatten(1).isnan().any(dim=1)
    if broken.any():
        raise AttackError(
            f"the network's gradients for the pixels are NaN on {int(broken.sum())} of {len(images)} images",
            allowed="a network that is differentiable at these images",
            fix="check its weights and its normalization, and compute in float32",
        )
    return gradient, logits.detach()


def _check_images(images: Tensor) -> None:
    allowed = "a float32 tensor (n, channel, y, x) with finite pixels in [0, 1]"
    if not isinstance(images, Tensor) or images.ndim != 4 or images.dtype != torch.float32:
        raise AttackError(
            f"given images as {_described(images)}",
            allowed=allowed,
            fix="convert them, for example with .float() / 255",
        )
    if images.numel() == 0:
        return
    low, high = images.min().item(), images.max().item()
    # NaN fails both comparisons.
    if not (low >= 0 and high <= 1):
        raise AttackError(
            f"given images with pixels from {low:g} to {high:g}",
            allowed=allowed,
            fix="undo the normalization, which is part of the model, or divide by 255",
        )


def _checked_labels(labels: Labels, images: Tensor, classifier: Classifier) -> Tensor:
    allowed = f"one integer from 0 to {classifier.classes - 1} for each of the {len(images)} images"
    if not isinstance(labels, Tensor):
        # Strings and ragged lists raise; an empty list would become floats.
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            labels = torch.tensor(np.asarray(labels) if len(labels) else np.zeros(0, np.int64))
    if not isinstance(labels, Tensor) or labels.shape != images.shape[:1] or not _integers(labels):
        raise AttackError(
            f"given labels as {_described(labels)}",
            allowed=allowed,
            fix="pass the true labels as an int64 tensor",
        )
    labels = labels.to(classifier.device, torch.int64)
    outside = labels[(labels < 0) | (labels >= classifier.classes)]
    if len(outside):
        raise AttackError(
            f"given label {outside[0].item()}",
            allowed=allowed,
            fix="check that the labels are indices of this model's classes",
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
            allowed="one integer from 0 to 2 ** 63 - 1 per image",
            fix="pass one seed per image, or leave them out",
        )
    return seeds
