"""The two images of a pair, the two effects of an attack, and values that come in such twos."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, get_args

T_co = TypeVar("T_co", covariant=True)

#: An image of a pair.
Side = Literal["benign", "adversarial"]
SIDES: tuple[Side, ...] = get_args(Side)
#: Effects of an attack: the benign label's probability drops, the adversarial label's rises.
Effect = Literal["benign_drop", "adversarial_gain"]
EFFECTS: tuple[Effect, ...] = get_args(Effect)


@dataclass(frozen=True, eq=False)
class BySide(Generic[T_co]):
    """One value for the benign image of a pair, and one for the adversarial image."""

    benign: T_co
    adversarial: T_co

    def __getitem__(self, side: Side) -> T_co:
        """Value of one side."""
        return self.benign if side == "benign" else self.adversarial

    def __iter__(self) -> Iterator[T_co]:
        """The benign value, then the adversarial one."""
        return iter((self.benign, self.adversarial))


@dataclass(frozen=True, eq=False)
class ByEffect(Generic[T_co]):
    """One value for the drop of the benign label's probability, and one for the adversarial label's gain."""

    benign_drop: T_co
    adversarial_gain: T_co

    def __getitem__(self, effect: Effect) -> T_co:
        """Value of one effect."""
        return self.benign_drop if effect == "benign_drop" else self.adversarial_gain

    def __iter__(self) -> Iterator[T_co]:
        """The value for the drop, then the value for the gain."""
        return iter((self.benign_drop, self.adversarial_gain))
