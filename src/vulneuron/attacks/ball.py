"""Balls around images that bound an attack, exact to the last bit."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from vulneuron.errors import AttackError

# Error allowed in a pixel that an attack computed in float32.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Ball(ABC):
    r"""All images within a distance of a benign image: :math:`\{x' \in [0, 1]^d : \|x' - x\| \le \epsilon\}`.

    Distances are measured in float64, as rounding ``x + epsilon`` to float32 may leave the ball by half a
    unit in the last place.

    Parameters
    ----------
    eps
        Radius :math:`\epsilon`, in units of pixels in [0, 1].
    """

    eps: float

    norm: ClassVar[str]

    def __post_init__(self) -> None:
        check_positive("eps", self.eps)

    def distance(self, adversarial: Tensor, images: Tensor) -> Tensor:
        """Distance of each image from its benign image, ``(n,)``, float64."""
        adversarial, images = _with_float64(adversarial), _with_float64(images)
        return self._size(adversarial.double() - images.double())

    def project(self, adversarial: Tensor, images: Tensor) -> Tensor:
        r"""Project images into the ball and into [0, 1]; a float32 image inside both is unchanged.

        Parameters
        ----------
        adversarial, images
            ``(n, channel, y, x)``, float32; `images` in [0, 1].

        Returns
        -------
        Tensor
            In the shape of `images`, float32, in [0, 1], with ``distance(...) <= eps`` exactly.
        """
        inside = self._project(_with_float64(adversarial), _with_float64(images))
        return inside.clamp(0.0, 1.0).to(images.device)

    def random_points(self, images: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """Draw a uniform point of each image's ball with the image's own generator, and clip it to [0, 1]."""
        shape = images.shape[1:]
        noise = [self._uniform(shape, generator) for generator in generators]
        return self.project(images + self.eps * torch.stack(noise).to(images), images)

    def tolerance(self, images: Tensor) -> float:
        """Largest distance from the ball due to rounding, with every pixel off by `ROUNDING`."""
        return float(self._size(torch.full_like(_with_float64(images[:1]), ROUNDING, dtype=torch.float64)))

    @abstractmethod
    def steepest(self, gradients: Tensor) -> Tensor:
        """Step of norm 1 that most increases a function with these gradients; 0 for a zero gradient."""

    @abstractmethod
    def _size(self, perturbations: Tensor) -> Tensor:
        """Norm of each perturbation, ``(n,)``."""

    @abstractmethod
    def _project(self, adversarial: Tensor, images: Tensor) -> Tensor:
        """Nearest float32 image in the ball, not clipped to [0, 1]."""

    @abstractmethod
    def _uniform(self, shape: torch.Size, generator: torch.Generator) -> Tensor:
        """Draw a uniform point of the unit ball around 0."""


class LinfBall(Ball):
    r"""Every pixel may change by at most :math:`\epsilon`: :math:`\max_i |x'_i - x_i| \le \epsilon`."""

    norm = "linf"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.eps > 1:
            raise AttackError(
                f"given eps = {self.eps:g} for linf",
                allowed="0 < eps <= 1, as pixels are in [0, 1]",
                fix="divide gray levels by 255: 8 levels are 8/255",
            )

    def steepest(self, gradients: Tensor) -> Tensor:
        """Sign of the gradients (Goodfellow et al. 2015)."""
        return gradients.sign()

    def _size(self, perturbations: Tensor) -> Tensor:
        return perturbations.flatten(1).abs().amax(dim=1)

    def _project(self, adversarial: Tensor, images: Tensor) -> Tensor:
        exact = images.double()
        low, high = (
            torch.where((bound.double() - exact).abs() > self.eps, torch.nextafter(bound, images), bound)
            for bound in ((exact - self.eps).float(), (exact + self.eps).float())
        )
        return torch.clamp(adversarial, low, high)

    def _uniform(self, shape: torch.Size, generator: torch.Generator) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float32) * 2 - 1


class L2Ball(Ball):
    r"""The whole image may change by :math:`\epsilon`: :math:`\sqrt{\sum_i (x'_i - x_i)^2} \le \epsilon`."""

    norm = "l2"

    def steepest(self, gradients: Tensor) -> Tensor:
        """Gradients divided by their L2 norm."""
        # Scaled by the largest first, as squares of small float32 gradients underflow to a norm of 0.
        largest = gradients.flatten(1).abs().amax(dim=1).reshape(-1, 1, 1, 1)
        scaled = gradients / torch.where(largest > 0, largest, 1)
        length = self._size(scaled).reshape(-1, 1, 1, 1)
        return scaled / torch.where(length > 0, length, 1)

    def _size(self, perturbations: Tensor) -> Tensor:
        return perturbations.flatten(1).square().sum(dim=1).sqrt()

    def _project(self, adversarial: Tensor, images: Tensor) -> Tensor:
        # The margin covers the summation order in float64.
        radius = self.eps * (1 - 1e-12)
        exact = images.double()
        perturbations = adversarial.double() - exact
        sizes = self._size(perturbations).reshape(-1, 1, 1, 1)
        outside = ~(sizes <= radius)
        perturbations = perturbations * torch.where(outside, radius / sizes, 1)
        # Each pixel is rounded toward the benign one: no change grows, and neither does their norm.
        rounded = (exact + perturbations).float()
        grown = (rounded.double() - exact).abs() > perturbations.abs()
        rounded = torch.where(grown, torch.nextafter(rounded, images), rounded)
        return torch.where(outside, rounded, adversarial)

    def _uniform(self, shape: torch.Size, generator: torch.Generator) -> Tensor:
        direction = torch.randn(shape, generator=generator, dtype=torch.float64)
        # The volume within radius r is proportional to r ** d.
        radius = torch.rand((), generator=generator, dtype=torch.float64) ** (1 / math.prod(shape))
        return direction * (radius / direction.square().sum().sqrt())


_BALLS: dict[str, type[Ball]] = {"linf": LinfBall, "l2": L2Ball}


def make_ball(norm: str, eps: float) -> Ball:
    """Make the ball of a norm (``linf`` or ``l2``) and a radius.

    Raises
    ------
    AttackError
        If the norm is unknown, or the radius is not above 0 (and for linf at most 1).
    """
    if norm not in _BALLS:
        raise AttackError(
            f"given norm {norm!r}",
            allowed=", ".join(_BALLS),
            fix="choose one of these, or leave it out for linf",
        )
    return _BALLS[norm](eps)


def check_positive(name: str, value: float) -> None:
    """Refuse anything but a finite number above 0.

    Raises
    ------
    AttackError
        For anything else.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not (math.isfinite(value) and value > 0):
        raise AttackError(
            f"given {name} = {value!r}",
            allowed=f"a finite number above 0 for {name}",
            fix="use parse_epsilon to read strings such as '8/255'",
        )


def _with_float64(tensor: Tensor) -> Tensor:
    # Apple's GPUs have no float64.
    return tensor.cpu() if tensor.device.type == "mps" else tensor
