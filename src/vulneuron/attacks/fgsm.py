"""The fast gradient sign method."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from vulneuron.attacks.ball import Ball, make_ball
from vulneuron.attacks.base import Attack, Goal, Parameter, loss_gradient
from vulneuron.attacks.epsilon import format_epsilon
from vulneuron.attacks.fields import coerce_number, coerce_target
from vulneuron.network import Classifier


@dataclass(frozen=True)
class FGSM(Attack, built_in="fgsm", label="FGSM"):
    r"""The fast gradient sign method (Goodfellow et al. 2015): one step to the boundary of the ball.

    .. math::
        x' = \operatorname{clip}_{[0, 1]} \bigl( x + \epsilon \, s(\nabla_x L(x)) \bigr)

    with :math:`s(g) = \operatorname{sign}(g)` for linf and :math:`s(g) = g / \|g\|_2` for l2 (the fast
    gradient method). L is the cross-entropy of the true label, or the negative cross-entropy of the target.

    Parameters
    ----------
    eps
        Size :math:`\epsilon` of the step, for pixels in [0, 1]; at most 1 for linf.
    norm
        ``linf`` or ``l2``. The default of `eps` is for linf.
    target
        Target label, or None for an untargeted attack. An image with the target as its label fails.

    Raises
    ------
    AttackError
        If a parameter is out of range.

    References
    ----------
    I. J. Goodfellow, J. Shlens, C. Szegedy: Explaining and harnessing adversarial examples. ICLR 2015,
    https://arxiv.org/abs/1412.6572.

    Examples
    --------
    >>> FGSM(eps=4 / 255).parameters()
    {'eps': '4/255', 'norm': 'linf', 'target': None}
    """

    eps: float = 8 / 255
    norm: str = "linf"
    target: int | None = None

    def __post_init__(self) -> None:
        coerce_number(self, "eps")
        make_ball(self.norm, self.eps)
        coerce_target(self)

    @property
    def name(self) -> str:
        """``fgsm``."""
        return "fgsm"

    @property
    def ball(self) -> Ball:
        """Ball of radius `eps` in the norm `norm`."""
        return make_ball(self.norm, self.eps)

    def parameters(self) -> dict[str, Parameter]:
        """All fields; `eps` as a string such as ``8/255``."""
        return {"eps": format_epsilon(self.eps), "norm": self.norm, "target": self.target}

    def perturb(self, classifier: Classifier, images: Tensor, goal: Goal, seeds: Sequence[int]) -> Tensor:
        """Take the step, which is deterministic."""
        gradient, _ = loss_gradient(classifier, images, goal)
        return self.ball.project(images + self.eps * self.ball.steepest(gradient), images)
