"""Points of a pair's vulnerability maps, one per patch, each computed at most once."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.engines import UNWATCHED, Engine, Incremental, Watch
from vulneuron.errors import MeasureError
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.image_pair import ImagePair, checked_image, checked_labels
from vulneuron.maps.preview import preview
from vulneuron.measures.choices import check_whole
from vulneuron.network import Classifier

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
#: Receives `MapPoints.changes` itself, not a copy.
OnBatch = Callable[[Doubles], None]


class MapPoints:
    """Changes of two log-probabilities when a patch is substituted, point by point.

    Parameters
    ----------
    classifier
        The attacked network.
    pair
        The images and labels.
    grid
        Positions of the patches.
    batch_size, engine
        As for `vulneuron.vulnerability_maps`.
    computed
        ``(label, row, column)``: changes computed earlier, NaN elsewhere; None if there are none.
    watch
        Cancels, and reports progress: computed points, of all points whose patches differ between the images.
    on_batch
        Called with `changes` after each batch.

    Attributes
    ----------
    grid
        Positions of the patches.
    changes
        ``(label, row, column)``, float64: changes of the log-probabilities of the benign and the adversarial
        label. NaN where not computed yet, 0 where the images agree on the whole patch.

    Raises
    ------
    MeasureError
        If an image, a label, the grid, `batch_size` or `computed` does not fit.
    """

    def __init__(
        self,
        classifier: Classifier,
        pair: ImagePair,
        grid: PatchGrid,
        *,
        batch_size: int | None = None,
        engine: Engine | None = None,
        computed: Doubles | None = None,
        watch: Watch = UNWATCHED,
        on_batch: OnBatch | None = None,
    ) -> None:
        self._classifier = classifier
        self._benign = checked_image(pair.benign, "benign", classifier)
        self._adversarial = checked_image(pair.adversarial, "adversarial", classifier)
        self._labels = checked_labels(pair, classifier)
        if batch_size is not None:
            check_whole(batch_size, "batch_size")
        _check_grid(grid, self._benign)
        self.grid = grid
        self._differs = grid.touched((self._benign != self._adversarial).any(dim=0).numpy())
        self.changes = np.where(self._differs, _checked_changes(computed, grid.shape), 0.0)
        self._batch_size = batch_size
        self._engine = engine or Incremental()
        self._watch, self._on_batch = watch, on_batch
        self._benign_log_probabilities = self._log_probabilities(classifier.logits(self._benign[None]))[
            :, :, None
        ]

    @property
    def engine(self) -> str:
        """Name of the engine that computes points."""
        return self._engine.name

    def compute(self, points: Ints) -> Doubles:
        """Changes at these points, ``(label, n)``; only missing ones are computed.

        Parameters
        ----------
        points
            ``(n,)``: row-major indices into the grid.

        Raises
        ------
        MeasureError
            If a logit is NaN or infinite.
        Cancelled
            If the watch cancels; points computed before that remain in `changes`.
        """
        rows, columns = np.unravel_index(points, self.grid.shape)
        missing = np.isnan(self.changes[0, rows, columns])
        if missing.any():
            self._compute_missing(points[missing])
        changes: Doubles = self.changes[:, rows, columns]
        return changes

    def complete(self) -> None:
        """Compute all points that are missing; see `compute`."""
        self.compute(np.arange(self.changes[0].size))

    def preview(self) -> Doubles:
        """First-order estimate of the `changes` from gradients; see `vulneuron.maps.preview`."""
        return preview(self._classifier, self._benign, self._adversarial, self._labels, self.grid)

    def probability_changes(self, changes: Doubles) -> Doubles:
        """Changes of probabilities from changes of their logarithms, ``(label, row, column)`` in [-1, 1]."""
        # With an estimated change, the probability might exceed 1.
        after = np.exp(np.minimum(self._benign_log_probabilities + changes, 0.0))
        difference: Doubles = after - np.exp(self._benign_log_probabilities)
        return difference

    def _compute_missing(self, points: Ints) -> None:
        total = int(self._differs.sum())
        computed = total - int(np.isnan(self.changes[0]).sum())

        def report(done: int, _total: int) -> None:
            if self._watch.progress is not None:
                self._watch.progress(computed + done, total)

        batches = self._engine(
            self._classifier,
            self._benign,
            self._adversarial,
            torch.from_numpy(self.grid.centers()[points]),
            patch=self.grid.patch,
            batch_size=self._batch_size,
        )
        rows, columns = np.unravel_index(points, self.grid.shape)
        for batch in Watch(report, self._watch.cancelled).over(batches, len(points)):
            indices = batch.indices.numpy()
            self.changes[:, rows[indices], columns[indices]] = _finite(
                self._log_probabilities(batch.logits) - self._benign_log_probabilities[:, :, 0]
            )
            if self._on_batch is not None:
                self._on_batch(self.changes)

    def _log_probabilities(self, logits: Tensor) -> Doubles:
        # In float64, because float32 keeps few digits of a log-probability near 0; on the CPU, because some
        # accelerators do not support float64.
        values: Doubles = logits.cpu().double().log_softmax(dim=1)[:, list(self._labels)].numpy().T
        return values


def _check_grid(grid: PatchGrid, image: Tensor) -> None:
    if grid.image_size != tuple(image.shape[1:]):
        raise MeasureError(
            "given a grid for images of {} x {} pixels".format(*grid.image_size),
            allowed="a grid for {} x {} pixels, the size of the images".format(*image.shape[1:]),
            fix="make it with PatchGrid.for_image",
        )


def _checked_changes(changes: Doubles | None, shape: tuple[int, int]) -> Doubles:
    if changes is None:
        return np.full((2, *shape), np.nan)
    if changes.shape != (2, *shape):
        raise MeasureError(
            f"given computed changes of shape {changes.shape}",
            allowed=f"{(2, *shape)} for this image, patch and stride",
            fix="pass changes computed on the same grid, or None",
        )
    return changes


def _finite(changes: Doubles) -> Doubles:
    if not np.isfinite(changes).all():
        raise MeasureError(
            "the network's logits are NaN or infinite on substituted images",
            allowed="finite logits on pixels in [0, 1]",
            fix="check its weights and the normalization, and compute in float32",
        )
    return changes
