"""Vulnerability maps in stages: a preview at once, then exact points where they decide the top mask."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.measures.checks import Image
from vulneuron.measures.vulnerability_map import VulnerabilityMaps, checked_pair, finite
from vulneuron.network import Classifier
from vulneuron.substitution import Cancel, Engine, Incremental, Progress, preview, stages, watched

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MapStage:
    """Vulnerability maps as they are known at one time.

    Attributes
    ----------
    maps
        Both maps: exact where `computed`, else estimated. Their engine is "preview" as long as nothing but
        the gradient is known, then "anytime".
    computed
        The shape of the maps: which points are exact.
    unsettled
        Part of the top mask that is expected to change yet if every point were computed, the larger one of
        both maps, 0 to 1.
    agreement
        Spearman correlations of the preview with the exact changes on the first grid, for benign drop and
        adversarial gain; None for the preview.
    """

    maps: VulnerabilityMaps
    computed: Bools
    unsettled: float
    agreement: tuple[float, float] | None


def anytime_maps(
    classifier: Classifier,
    benign: Image,
    adversarial: Image,
    *,
    benign_label: int,
    adversarial_label: int,
    patch: int | None = None,
    stride: int = 1,
    top: float = 20.0,
    tolerance: float = 0.02,
    batch_size: int | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
    cancelled: Cancel | None = None,
) -> Iterator[MapStage]:
    """Compute both vulnerability maps of a pair in stages, until their top masks are settled.

    The estimates are of changes of log-probabilities, which are closer to linear than those of
    probabilities and give the same top masks.

    Parameters
    ----------
    classifier, benign, adversarial, benign_label, adversarial_label, patch, stride, batch_size
        As for `vulneuron.vulnerability_maps`.
    top
        Per cent of the pixels in the masks that are to be settled.
    tolerance
        Part of a mask that may be expected to change after the last stage.
    engine
        Computes the exact points; the incremental one if None.
    progress
        Called after every batch with the patches done and those of the whole map, which are rarely needed.
    cancelled
        Asked before every batch whether to stop.

    Yields
    ------
    MapStage
        The first one is the preview; the last one is settled.

    Raises
    ------
    MeasureError
        If an image, label, `patch`, `stride` or `batch_size` does not fit, or the network gives NaN.
    Cancelled
        Within one batch after `cancelled` says so.
    """
    pair = checked_pair(
        classifier, benign, adversarial, benign_label, adversarial_label, patch, stride, batch_size
    )
    labels, grid, chosen_engine = pair.labels, pair.grid, engine or Incremental()
    before = _log_probabilities(classifier.logits(pair.benign[None]), labels)
    centres, done = torch.from_numpy(grid.centres()), 0

    def exact(points: Ints) -> Doubles:
        nonlocal done
        found, already = np.zeros((2, len(points))), done

        def told(now: int, _total: int) -> None:
            if progress is not None:
                progress(already + now, len(centres))

        batches = chosen_engine(
            classifier,
            pair.benign,
            pair.adversarial,
            centres[points],
            patch=grid.patch,
            batch_size=batch_size,
        )
        for batch in watched(batches, len(points), told, cancelled):
            found[:, batch.chosen.numpy()] = _log_probabilities(batch.logits, labels)
        done += len(points)
        return finite(found - before)

    guess = preview(classifier, pair.benign, pair.adversarial, labels, grid)
    # The benign label falls where the attack works.
    signs = np.array([-1.0, 1.0])
    found = stages(
        signs[:, None, None] * finite(guess),
        lambda points: signs[:, None] * exact(points),
        ~pair.changed,
        top=top,
        tolerance=tolerance,
    )
    for stage in found:
        drop, gain = _changes(signs[:, None, None] * stage.values, before)
        name = "preview" if stage.agreement is None else "anytime"
        yield MapStage(
            VulnerabilityMaps(0.0 - drop, gain, int(grid.patch), int(grid.stride), name),
            stage.known,
            stage.unsettled,
            None if stage.agreement is None else (float(stage.agreement[0]), float(stage.agreement[1])),
        )


def _changes(changes: Doubles, before: Doubles) -> Doubles:
    """Changes of probabilities from those of their logarithms; an estimate may not pass 1."""
    before = before[:, :, None]
    changed: Doubles = np.exp(before) * np.expm1(np.minimum(changes, -before))
    return changed


def _log_probabilities(logits: Tensor, labels: tuple[int, int]) -> Doubles:
    values: Doubles = logits.cpu().double().log_softmax(dim=1)[:, list(labels)].numpy().T
    return values
