"""Interruptions of runs: an attack that is interrupted once, and a kill."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from vulneuron.attacks import Attack, Goal
from vulneuron.attacks.base import Parameter
from vulneuron.network import Classifier


class Killed(BaseException):
    """Ends a run where no handler sees it, as a kill would."""


@dataclass(frozen=True)
class Interrupted(Attack):
    """Inverts images. The interrupted attack is the same attack when the run is resumed.

    Parameters
    ----------
    at
        Number of the call that is interrupted.
    before
        Called before each batch.
    calls
        Sizes of the batches so far.
    """

    at: int = 2
    before: Callable[[], object] = lambda: None
    calls: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "inverse"

    def parameters(self) -> dict[str, Parameter]:
        return {}

    def perturb(self, classifier: Classifier, images: Tensor, goal: Goal, seeds: Sequence[int]) -> Tensor:
        self.before()
        self.calls.append(len(images))
        if len(self.calls) == self.at:
            raise KeyboardInterrupt
        return 1 - images
