"""The second phase: what the network does on both images of each pair."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.network import Activity
from vulneuron.network.batch_size import in_batches
from vulneuron.pipeline.progress import RunProgress
from vulneuron.pipeline.run import Run
from vulneuron.record import RecordWriter
from vulneuron.record.schema import ADVERSARIAL, BENIGN, to_pixels, to_stored

Arrays = dict[str, npt.NDArray[Any]]
Ints = npt.NDArray[np.int64]


def capture_pairs(run: Run, writer: RecordWriter, bars: RunProgress) -> None:
    """Capture all pairs of the run that are still to be captured, block by block."""
    rows, size, pending = writer.pair_rows(), writer.block_size.pairs, writer.pending_pair_blocks()
    positions = writer.run_table("image_index")[rows]
    labels = np.stack([writer.run_table(name)[rows] for name in ("true_label", "adversarial_label")], axis=1)
    batch_size = int(writer.attributes["batch_size"])
    bars.begin("Capturing pairs", len(rows), done=max(len(rows) - len(pending) * size, 0))
    for block in pending:
        part = slice(block * size, (block + 1) * size)
        benign = to_stored(run.images.load(positions[part]))
        stored = np.stack([benign, writer.adversarial_pixels(rows[part])], axis=1)
        writer.write_pair_block(block, *_captured(run, stored, labels[part].astype(np.int64), batch_size))
        bars.advance(len(stored))


def _captured(
    run: Run, stored: npt.NDArray[np.uint16], labels: Ints, batch_size: int
) -> tuple[Arrays, float]:
    def batch(part: slice) -> tuple[Arrays, float]:
        return _both_sides(run, to_pixels(stored[part]), torch.from_numpy(labels[part]))

    parts = in_batches(batch, len(stored), batch_size)
    arrays = {name: np.concatenate([part[name] for part, _ in parts]) for name in parts[0][0]}
    return {"image": stored, **arrays}, max(error for _, error in parts)


def _both_sides(run: Run, pixels: npt.NDArray[np.float32], labels: Tensor) -> tuple[Arrays, float]:
    activities = [
        run.classifier.activity(torch.from_numpy(pixels[:, side])) for side in (BENIGN, ADVERSARIAL)
    ]
    error = max(run.classifier.check_split(activity) for activity in activities)
    sides = [_side(run, activity, labels) for activity in activities]
    return {name: np.stack([side[name] for side in sides], axis=1) for name in sides[0]}, error


def _side(run: Run, activity: Activity, labels: Tensor) -> Arrays:
    arrays = {
        "feature_map": activity.maps.cpu().numpy(),
        "activation": activity.activations.cpu().numpy(),
        "logit": activity.logits.cpu().numpy(),
    }
    if run.classifier.weights is None:
        both = [run.classifier.contributions(activity, labels[:, i]).cpu().numpy() for i in range(2)]
        arrays["contribution"] = np.stack(both, axis=1)
    return arrays
