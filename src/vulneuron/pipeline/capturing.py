"""Second phase of a run: captures feature maps, activations and logits on both images of each pair."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.network import Activity, Classifier
from vulneuron.network.batch_size import in_batches
from vulneuron.pipeline.progress import RunProgress
from vulneuron.pipeline.run import Run
from vulneuron.record import RecordWriter
from vulneuron.record.schema import ADVERSARIAL, BENIGN, to_pixels, to_stored

Arrays = dict[str, npt.NDArray[Any]]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CapturedPairs:
    """Arrays of consecutive pairs, as stored in the record.

    Attributes
    ----------
    arrays
        Images and logits.
    layers
        Feature maps, activations and contributions of each layer.
    split_errors
        Largest split error of each layer.
    """

    arrays: Arrays
    layers: dict[str, Arrays]
    split_errors: dict[str, float]

    def rows(self, start: int, stop: int) -> "CapturedPairs":
        """A range of these pairs; the split errors are still those of all of them."""
        layers = {layer: _rows(arrays, start, stop) for layer, arrays in self.layers.items()}
        return CapturedPairs(_rows(self.arrays, start, stop), layers, self.split_errors)


def capture_pairs(run: Run, writer: RecordWriter, bars: RunProgress) -> None:
    """Capture all pending pairs of the run, block by block."""
    rows, size, pending = writer.pair_rows(), writer.block_size.pairs_per_block, writer.pending_pair_blocks()
    positions = writer.run_table("image_index")[rows]
    labels = np.stack([writer.run_table(name)[rows] for name in ("true_label", "adversarial_label")], axis=1)
    batch_size = int(writer.attributes["batch_size"])
    bars.begin("Capturing pairs", len(rows), done=max(len(rows) - len(pending) * size, 0))

    # Cached, because a batch may extend into the next block.
    @lru_cache(maxsize=1)
    def batch(start: int) -> CapturedPairs:
        pairs = slice(start, start + batch_size)
        benign = to_stored(run.images.load(positions[pairs]))
        stored = np.stack([benign, writer.adversarial_pixels(rows[pairs])], axis=1)
        return _captured(run, stored, labels[pairs].astype(np.int64))

    for block in pending:
        first, end = block * size, min((block + 1) * size, len(rows))
        # Block sizes vary with the layers, but batches are independent of blocks. The values of a layer are
        # therefore bit-identical, whichever other layers are captured.
        starts = range(first // batch_size * batch_size, end, batch_size)
        captured = _joined([batch(start).rows(max(first - start, 0), end - start) for start in starts])
        writer.write_pair_block(block, captured.arrays, captured.layers, captured.split_errors)
        bars.advance(end - first)


def _captured(run: Run, stored: npt.NDArray[np.uint16], labels: Ints) -> CapturedPairs:
    def batch(rows: slice) -> CapturedPairs:
        return _both_sides(run.classifier, stored[rows], torch.from_numpy(labels[rows]))

    return _joined(in_batches(batch, len(stored), len(stored)))


def _both_sides(classifier: Classifier, stored: npt.NDArray[np.uint16], labels: Tensor) -> CapturedPairs:
    pixels = to_pixels(stored)
    sides = [classifier.activities(torch.from_numpy(pixels[:, side])) for side in (BENIGN, ADVERSARIAL)]
    layers, errors = {}, {}
    for layer in classifier.layers:
        view, activities = classifier.at(layer), [activities[layer] for activities in sides]
        errors[layer] = max(view.check_split(activity) for activity in activities)
        arrays = [_side(view, activity, labels) for activity in activities]
        layers[layer] = {name: np.stack([side[name] for side in arrays], axis=1) for name in arrays[0]}
    logits = [activities[classifier.layers[-1]].logits.cpu().numpy() for activities in sides]
    return CapturedPairs({"image": stored, "logit": np.stack(logits, axis=1)}, layers, errors)


def _side(classifier: Classifier, activity: Activity, labels: Tensor) -> Arrays:
    arrays = {
        "feature_map": activity.features.cpu().numpy(),
        "activation": activity.activations.cpu().numpy(),
    }
    if classifier.weights is None:
        both = [classifier.contributions(activity, labels[:, i]).cpu().numpy() for i in range(2)]
        arrays["contribution"] = np.stack(both, axis=1)
    return arrays


def _joined(batches: list[CapturedPairs]) -> CapturedPairs:
    layers = list(batches[0].layers)
    return CapturedPairs(
        _concatenated([batch.arrays for batch in batches]),
        {layer: _concatenated([batch.layers[layer] for batch in batches]) for layer in layers},
        {layer: max(batch.split_errors[layer] for batch in batches) for layer in layers},
    )


def _concatenated(batches: list[Arrays]) -> Arrays:
    return {name: np.concatenate([arrays[name] for arrays in batches]) for name in batches[0]}


def _rows(arrays: Arrays, start: int, stop: int) -> Arrays:
    return {name: values[start:stop] for name, values in arrays.items()}
