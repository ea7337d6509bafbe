"""The points of both vulnerability maps of a pair: those that are known, and how others are computed."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.engines import Cancel, Engine, Incremental, Progress, Watch
from vulneuron.errors import MeasureError
from vulneuron.maps.checks import Image, checked_image, checked_label
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.preview import preview
from vulneuron.measures.choices import check_whole
from vulneuron.network import Classifier

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
#: Called with the changes that are known; they are no copy.
OnBatch = Callable[[Doubles], None]


class MapPoints:
    """How two log-probabilities change when a patch is substituted, point by point; none is computed twice.

    Parameters
    ----------
    classifier, benign, adversarial, benign_label, adversarial_label, patch, stride, batch_size, engine
        As for `vulneuron.vulnerability_maps`.
    known
        ``(label, row, column)``: changes that were computed before, NaN elsewhere; None if none were.
    progress
        Called after every batch with the number of points that are known and of all, where points on whose
        patches the images agree do not count.
    cancelled
        Asked before every batch whether to stop.
    on_batch
        Called after every batch with the `changes`.

    Attributes
    ----------
    grid
        Where the patches lie.
    changes
        ``(label, row, column)``, float64: changes of the log-probabilities of the benign and the adversarial
        label. NaN where they are not computed yet; 0 where the images agree on the patch.

    Raises
    ------
    MeasureError
        If an image, label, `patch`, `stride`, `batch_size` or `known` does not fit.
    """

    def __init__(
        self,
        classifier: Classifier,
        benign: Image,
        adversarial: Image,
        *,
        benign_label: int,
        adversarial_label: int,
        patch: int | None = None,
        stride: int = 1,
        batch_size: int | None = None,
        engine: Engine | None = None,
        known: Doubles | None = None,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
        on_batch: OnBatch | None = None,
    ) -> None:
        self._classifier = classifier
        self._benign, self._adversarial = (
            checked_image(image, name, classifier)
            for image, name in ((benign, "benign"), (adversarial, "adversarial"))
        )
        self._labels = (
            checked_label(benign_label, "benign", classifier),
            checked_label(adversarial_label, "adversarial", classifier),
        )
        if batch_size is not None:
            check_whole(batch_size, "batch_size")
        size = (self._benign.shape[1], self._benign.shape[2])
        self.grid = PatchGrid.for_image(size, patch, stride)
        self._differ = self.grid.touched((self._benign != self._adversarial).any(dim=0).numpy())
        self.changes = np.where(self._differ, _as_known(known, self.grid.shape), 0.0)
        self._batch_size = batch_size
        self._engine = engine or Incremental()
        self._progress, self._cancelled, self._on_batch = progress, cancelled, on_batch
        self._before = self._log_probabilities(classifier.logits(self._benign[None]))[:, :, None]

    @property
    def engine(self) -> str:
        """Name of the engine that computes points."""
        return self._engine.name

    def compute(self, chosen: Ints) -> Doubles:
        """Changes at some points, by their numbers row by row, ``(label, n)``; unknown ones are computed.

        Raises
        ------
        MeasureError
            If the network gives NaN.
        Cancelled
            If `cancelled` says so; what was computed before stays in `changes`.
        """
        rows, columns = np.unravel_index(chosen, self.grid.shape)
        new = np.isnan(self.changes[0, rows, columns])
        if new.any():
            self._compute_new(chosen[new])
        found: Doubles = self.changes[:, rows, columns]
        return found

    def complete(self) -> None:
        """Compute all points that are not known yet; see `compute`."""
        self.compute(np.arange(self.changes[0].size))

    def preview(self) -> Doubles:
        """A first guess of the `changes` from gradients; see `vulneuron.maps.preview`."""
        return preview(self._classifier, self._benign, self._adversarial, self._labels, self.grid)

    def of_probabilities(self, changes: Doubles) -> Doubles:
        """Changes of probabilities from those of their logarithms, ``(label, row, column)`` in [-1, 1]."""
        # An estimate may not pass a probability of 1.
        after = np.exp(np.minimum(self._before + changes, 0.0))
        changed: Doubles = after - np.exp(self._before)
        return changed

    def _compute_new(self, chosen: Ints) -> None:
        total = int(self._differ.sum())
        already = total - int(np.isnan(self.changes[0]).sum())

        def told(done: int, _total: int) -> None:
            if self._progress is not None:
                self._progress(already + done, total)

        batches = self._engine(
            self._classifier,
            self._benign,
            self._adversarial,
            torch.from_numpy(self.grid.centers()[chosen]),
            patch=self.grid.patch,
            batch_size=self._batch_size,
        )
        rows, columns = np.unravel_index(chosen, self.grid.shape)
        for batch in Watch(told, self._cancelled).over(batches, len(chosen)):
            places = batch.indices.numpy()
            self.changes[:, rows[places], columns[places]] = _finite(
                self._log_probabilities(batch.logits) - self._before[:, :, 0]
            )
            if self._on_batch is not None:
                self._on_batch(self.changes)

    def _log_probabilities(self, logits: Tensor) -> Doubles:
        # In float64, as a probability next to 1 has few digits left in float32; not every accelerator has it.
        values: Doubles = logits.cpu().double().log_softmax(dim=1)[:, list(self._labels)].numpy().T
        return values


def _as_known(known: Doubles | None, shape: tuple[int, int]) -> Doubles:
    if known is None:
        return np.full((2, *shape), np.nan)
    if known.shape != (2, *shape):
        raise MeasureError(
            f"given known changes of shape {known.shape}",
            allowed=f"{(2, *shape)} for this image, patch and stride",
            fix="give those that were computed for the same grid, or none",
        )
    return known


def _finite(changes: Doubles) -> Doubles:
    if not np.isfinite(changes).all():
        raise MeasureError(
            "the network's logits are NaN or infinite on substituted images",
            allowed="finite logits on pixels in [0, 1]",
            fix="check its weights and the normalization, and compute in float32",
        )
    return changes
