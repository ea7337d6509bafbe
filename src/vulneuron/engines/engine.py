"""The interface of the engines, and `Watch`, through which callers follow and cancel a computation."""

from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import torch
from torch import Tensor

from vulneuron.errors import Cancelled
from vulneuron.measures.choices import Choice
from vulneuron.network import Classifier

#: Engines by name; "anytime" runs the incremental engine in stages and stops once the top masks are settled.
EngineName = Literal["dense", "incremental", "anytime"]
ENGINES: dict[EngineName, Choice] = {
    "dense": Choice("dense", "Exact; all of the network runs for every patch"),
    "incremental": Choice("incremental", "Exact; only the regions that a patch changes are computed"),
    "anytime": Choice("anytime", "Stops once the most vulnerable pixels are settled"),
}
#: Called with the number of patches done and the total.
Progress = Callable[[int, int], None]
#: Returns True to stop.
Cancel = Callable[[], bool]
_Sized = TypeVar("_Sized", bound=Sized)


@dataclass(frozen=True, eq=False)
class Batch:
    """Logits of some of the substituted images.

    Attributes
    ----------
    indices
        ``(n,)``, int64, on the CPU: indices into the engine's `centers`.
    logits
        ``(n, class)``.
    """

    indices: Tensor
    logits: Tensor

    def __len__(self) -> int:
        return len(self.indices)


def empty_batch(classifier: Classifier) -> Batch:
    """A batch without images; lets the caller cancel before the first logits exist."""
    return Batch(torch.zeros(0, dtype=torch.int64), torch.zeros(0, classifier.classes, dtype=torch.float32))


class Engine(Protocol):
    """Computes a network's logits on a benign image with one patch taken from another image.

    Engines differ in method and agree up to rounding.
    """

    @property
    def name(self) -> str:
        """Short name, stored with the maps."""

    def __call__(
        self,
        classifier: Classifier,
        benign: Tensor,
        adversarial: Tensor,
        centers: Tensor,
        *,
        patch: int,
        batch_size: int | None = None,
    ) -> Iterator[Batch]:
        """Yield logits batch by batch; the caller can report progress and stop in between.

        Parameters
        ----------
        classifier
            The network.
        benign, adversarial
            ``(channel, y, x)``, float32 in [0, 1].
        centers
            ``(position, 2)``, int64: centers (i, j) of the patches, row by row; any subset of a grid.
        patch
            Side of the patches, placed as in `PatchGrid`.
        batch_size
            Largest number of images per forward pass; chosen by the engine if None.

        Yields
        ------
        Batch
            Each position is in exactly one batch, in any order. A batch may be empty.
        """


@dataclass(frozen=True)
class Watch:
    """Callbacks that report the progress of a long computation and cancel it.

    Attributes
    ----------
    progress
        Called after each batch with the number of patches, or of pairs, done and the total.
    cancelled
        Called before each batch; returns True to stop.
    """

    progress: Progress | None = None
    cancelled: Cancel | None = None

    def over(self, batches: Iterator[_Sized], total: int, unit: str = "patches") -> Iterator[_Sized]:
        """Yield the batches that are not empty, reporting progress and checking for cancellation.

        Raises
        ------
        Cancelled
            As soon as `cancelled` returns True; no further batch is computed.
        """
        done = 0
        while True:
            if self.cancelled is not None and self.cancelled():
                raise Cancelled(
                    f"the computation was cancelled after {done} of {total} {unit}",
                    allowed="a complete run",
                    fix="start it again",
                )
            batch = next(batches, None)
            if batch is None:
                return
            if not len(batch):
                continue
            done += len(batch)
            if self.progress is not None:
                self.progress(done, total)
            yield batch


#: Reports nothing and never cancels.
UNWATCHED = Watch()
