"""Projected gradient descent."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vulneuron.attacks.ball import Ball, check_positive, make_ball
from vulneuron.attacks.base import Attack, Goal, Parameter, loss_gradient
from vulneuron.attacks.epsilon import format_epsilon
from vulneuron.attacks.fields import check_flag, coerce_integer, coerce_number, coerce_target
from vulneuron.errors import AttackError
from vulneuron.network import Classifier


@dataclass(frozen=True)
class PGD(Attack, built_in="pgd", label="PGD"):
    r"""Projected gradient descent (Madry et al. 2018): the paper's attack, with the paper's settings.

    Steepest-ascent steps on the loss from a start in the ball, each projected back into the ball:

    .. math::
        x_{t+1} = \Pi_{\|x' - x\| \le \epsilon,\; x' \in [0, 1]^d}
                  \bigl( x_t + \alpha \, s(\nabla_{x_t} L(x_t)) \bigr)

    with :math:`s(g) = \operatorname{sign}(g)` for linf and :math:`s(g) = g / \|g\|_2` for l2. L is the
    cross-entropy of the true label, or the negative cross-entropy of the target.

    Parameters
    ----------
    eps
        Radius :math:`\epsilon` of the ball, for pixels in [0, 1]; at most 1 for linf.
    step_size
        :math:`\alpha`, in the same units.
    steps
        Number of steps, at least 1.
    norm
        ``linf`` or ``l2``. The defaults of `eps` and `step_size` are for linf; for l2, 0.5 and 0.1 are common
        on images of 32 x 32 pixels.
    target
        Target label, or None for an untargeted attack. An image with the target as its label fails.
    random_start
        Start from a point drawn uniformly from the ball (linf: a cube; l2: a ball) and clipped to [0, 1],
        instead of from the image.
    restarts
        Number of random starts. Each image keeps its first success or, without one, the result with the
        highest loss.
    early_stop
        Stop working on an image as soon as it reaches the goal. This saves gradients, keeps successes from
        being lost and perturbations small. An image that reaches the goal at its start stays there.

    Raises
    ------
    AttackError
        If a parameter is out of range, or there are `restarts` without a random start.

    References
    ----------
    A. Madry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu: Towards deep learning models resistant to
    adversarial attacks. ICLR 2018, https://arxiv.org/abs/1706.06083. Settings: the paper, Section 6 (7 steps,
    8/255, 2/255).

    Examples
    --------
    >>> PGD(eps=4 / 255, steps=20).parameters()["eps"]
    '4/255'
    """

    eps: float = 8 / 255
    step_size: float = 2 / 255
    steps: int = 7
    norm: str = "linf"
    target: int | None = None
    random_start: bool = True
    restarts: int = 1
    early_stop: bool = False

    def __post_init__(self) -> None:
        coerce_number(self, "eps")
        coerce_number(self, "step_size")
        make_ball(self.norm, self.eps)
        check_positive("step_size", self.step_size)
        coerce_integer(self, "steps")
        coerce_integer(self, "restarts")
        coerce_target(self)
        check_flag("random_start", self.random_start)
        check_flag("early_stop", self.early_stop)
        if self.restarts > 1 and not self.random_start:
            raise AttackError(
                f"given restarts = {self.restarts} without a random start",
                allowed="1 restart from the image itself",
                fix="set random_start; otherwise all restarts have the same result",
            )

    @property
    def name(self) -> str:
        """``pgd``."""
        return "pgd"

    @property
    def ball(self) -> Ball:
        """Ball of radius `eps` in the norm `norm`."""
        return make_ball(self.norm, self.eps)

    def parameters(self) -> dict[str, Parameter]:
        """All fields; `eps` and `step_size` as strings such as ``8/255``."""
        return {
            "eps": format_epsilon(self.eps),
            "step_size": format_epsilon(self.step_size),
            "steps": self.steps,
            "norm": self.norm,
            "target": self.target,
            "random_start": self.random_start,
            "restarts": self.restarts,
            "early_stop": self.early_stop,
        }

    def perturb(self, classifier: Classifier, images: Tensor, goal: Goal, seeds: Sequence[int]) -> Tensor:
        """Run each restart on the images without a success; see the class."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        best = images.clone()
        best_loss = torch.full((len(images),), -torch.inf, dtype=torch.float32, device=images.device)
        remaining = torch.arange(len(images), device=images.device)
        for _ in range(self.restarts):
            own_generators = [generators[image] for image in remaining.tolist()]
            adversarial = self._ascend(classifier, images[remaining], goal[remaining], own_generators)
            if self.restarts == 1:
                return adversarial
            logits = classifier.logits(adversarial)
            success, loss = goal[remaining].reached(logits), goal[remaining].loss(logits)
            # Negated, as NaN must not be skipped silently.
            better = success | ~(loss <= best_loss[remaining])
            best[remaining[better]] = adversarial[better]
            best_loss[remaining[better]] = loss[better]
            remaining = remaining[~success]
            if len(remaining) == 0:
                break
        return best

    def _ascend(
        self, classifier: Classifier, images: Tensor, goal: Goal, generators: Sequence[torch.Generator]
    ) -> Tensor:
        ball = self.ball
        current = ball.random_points(images, generators) if self.random_start else images.clone()
        active = torch.arange(len(images), device=images.device)
        for _ in range(self.steps):
            gradient, logits = loss_gradient(classifier, current[active], goal[active])
            if self.early_stop:
                unreached = ~goal[active].reached(logits)
                active, gradient = active[unreached], gradient[unreached]
                if len(active) == 0:
                    break
            stepped = current[active] + self.step_size * ball.steepest(gradient)
            current[active] = ball.project(stepped, images[active])
        return current
