"""What an engine behind a vulnerability map has to do, and how a run of it is watched."""

from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, get_args

import torch
from torch import Tensor

from vulneuron.errors import Cancelled
from vulneuron.network import Classifier

#: Engines by name; "anytime" is the incremental one, in stages and no further than needed.
EngineName = Literal["dense", "incremental", "anytime"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
#: Called with the number of patches that are done and of all.
Progress = Callable[[int, int], None]
#: Asked before every batch whether to stop.
Cancel = Callable[[], bool]
_Sized = TypeVar("_Sized", bound=Sized)


@dataclass(frozen=True, eq=False)
class Batch:
    """Logits of some substituted images.

    Attributes
    ----------
    chosen
        ``(n,)``, int64, on the CPU: which of the positions they belong to.
    logits
        ``(n, class)``.
    """

    chosen: Tensor
    logits: Tensor

    def __len__(self) -> int:
        return len(self.chosen)


def nothing_yet(classifier: Classifier) -> Batch:
    """An empty batch, which gives a caller the occasion to stop where there is no logit yet."""
    return Batch(torch.zeros(0, dtype=torch.int64), torch.zeros(0, classifier.classes))


class Engine(Protocol):
    """Computes what a network says of a benign image with one patch of it substituted by another image's.

    Engines differ in how, and give the same logits up to rounding.
    """

    @property
    def name(self) -> str:
        """Short name, kept with the maps."""

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
        """Yield logits batch by batch, so that the caller can show progress and stop in between.

        Parameters
        ----------
        classifier
            The network.
        benign, adversarial
            ``(channel, y, x)``, float32 in [0, 1].
        centers
            ``(position, 2)``, int64: centers (i, j) of the patches, row by row; not every point of the grid
            has to be among them.
        patch
            Side of the patches, placed as in `PatchGrid`.
        batch_size
            Images that go through the network at once, at most; the engine's choice if None.

        Yields
        ------
        Batch
            Each position is in one of the batches, in any order. A batch may be empty.
        """


def watched(
    batches: Iterator[_Sized], total: int, progress: Progress | None, cancelled: Cancel | None
) -> Iterator[_Sized]:
    """Hand on batches that are not empty, tell `progress` after each, and ask `cancelled` before each.

    Raises
    ------
    Cancelled
        As soon as `cancelled` says so; no further batch is computed.
    """
    done = 0
    while True:
        if cancelled is not None and cancelled():
            raise Cancelled(
                f"the computation was cancelled after {done} of {total} patches",
                allowed="a run to the end, which gives the whole map",
                fix="start it again",
            )
        batch = next(batches, None)
        if batch is None:
            return
        if not len(batch):
            continue
        done += len(batch)
        if progress is not None:
            progress(done, total)
        yield batch
