"""First phase of a run: predicts all images, attacks the correct ones, and checks the results."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.attacks import Attack
from vulneuron.attacks.failures import with_benign_failures
from vulneuron.errors import ImagesError
from vulneuron.network.batch_size import in_batches
from vulneuron.pipeline.progress import RunProgress
from vulneuron.pipeline.run import Run
from vulneuron.record import Outcome, RecordWriter
from vulneuron.record.schema import PIXEL_STEPS, to_pixels, to_stored, to_stored_adversarial

Arrays = dict[str, npt.NDArray[Any]]
Ints = npt.NDArray[np.int64]


def attack_images(run: Run, writer: RecordWriter, bars: RunProgress) -> None:
    """Process all pending images of the run, block by block."""
    positions, labels = writer.run_table("image_index"), writer.run_table("true_label").astype(np.int64)
    pending, size = writer.pending_image_blocks(), writer.images_per_block
    batch_size = int(writer.attributes["batch_size"])
    bars.begin("Attacking images", len(positions), done=max(len(positions) - len(pending) * size, 0))
    rows = [slice(block * size, (block + 1) * size) for block in pending]
    # The next block is decoded while this one is attacked.
    with ThreadPoolExecutor(max_workers=1) as reader:
        loads = [reader.submit(run.images.load, positions[block_rows]) for block_rows in rows[:1]]
        for index, (block, block_rows) in enumerate(zip(pending, rows, strict=True)):
            pixels = loads.pop().result()
            loads = [
                reader.submit(run.images.load, positions[next_rows])
                for next_rows in rows[index + 1 : index + 2]
            ]
            if index == 0:
                _check_split(run, pixels[:batch_size], batch_size)
            columns = _attack_columns(run, pixels, positions[block_rows], labels[block_rows], batch_size)
            writer.write_image_block(block, columns)
            bars.advance(len(pixels))


def _check_split(run: Run, pixels: npt.NDArray[np.float32], batch_size: int) -> None:
    """Check the split on the first images, before hours are spent on attacks."""
    images = torch.from_numpy(to_pixels(to_stored(pixels)))

    def check(rows: slice) -> None:
        for layer, activity in run.classifier.activities(images[rows]).items():
            run.classifier.at(layer).check_split(activity)

    in_batches(check, len(images), batch_size)


def _attack_columns(
    run: Run, pixels: npt.NDArray[np.float32], positions: Ints, labels: Ints, batch_size: int
) -> Arrays:
    """Columns of the run table for some images, which are predicted, attacked, and checked as stored."""
    benign_stored = to_stored(pixels)
    benign = torch.from_numpy(to_pixels(benign_stored))
    predicted = predictions(run, benign, batch_size)
    outcome = np.full(len(positions), Outcome.WRONG, dtype=np.uint8)
    outcome[predicted == labels] = Outcome.RESISTED
    if run.target is not None:
        outcome[(predicted == labels) & (labels == run.target)] = Outcome.EXEMPT
    attacked = np.flatnonzero(outcome == Outcome.RESISTED)

    stored = benign_stored.copy()
    adversarial_label = np.full(len(positions), -1, dtype=np.int32)
    survives = np.zeros(len(positions), dtype=bool)
    if len(attacked):
        exact = _adversarial_images(
            run, benign[attacked], labels[attacked], positions[attacked], batch_size
        ).numpy()
        bounded = isinstance(run.attack, Attack) and run.attack.ball is not None
        # With a budget, rounding must not exceed it. Attacks without one end just past the decision boundary.
        stored[attacked] = (
            to_stored_adversarial(exact, benign_stored[attacked]) if bounded else to_stored(exact)
        )
        adversarial = torch.from_numpy(to_pixels(stored[attacked]))
        adversarial_label[attacked] = predictions(run, adversarial, batch_size)
        changed = (stored != benign_stored).any(axis=(1, 2, 3))
        success = changed & _succeeds(run, adversarial_label, labels) & (adversarial_label >= 0)
        outcome[success] = Outcome.SUCCESS
        in_8bit = np.full(len(positions), -1, dtype=np.int64)
        in_8bit[attacked] = predictions(run, torch.round(adversarial * 255) / 255, batch_size)
        survives = success & _succeeds(run, in_8bit, labels)
    # Computed from integers, because a difference of float32 pixels may exceed the budget in its last bit.
    change = (stored.astype(np.float64) - benign_stored).reshape(len(positions), -1) / PIXEL_STEPS
    return {
        "benign_label": predicted,
        "adversarial_label": adversarial_label,
        "perturbation_l2": np.linalg.norm(change, axis=1),
        "perturbation_linf": np.abs(change).max(axis=1),
        "survives_8bit": survives,
        "adversarial": stored,
        "outcome": outcome,
    }


def _adversarial_images(run: Run, benign: Tensor, labels: Ints, positions: Ints, batch_size: int) -> Tensor:
    if not isinstance(run.attack, Attack):
        return with_benign_failures(torch.from_numpy(run.attack.load(positions)), benign)
    attack, seeds, truth = run.attack, run.seeds(positions), torch.from_numpy(labels)

    def attack_batch(rows: slice) -> Tensor:
        return attack.adversarial_images(run.classifier, benign[rows], truth[rows], seeds=seeds[rows]).cpu()

    return torch.cat(in_batches(attack_batch, len(benign), batch_size))


def predictions(run: Run, images: Tensor, batch_size: int) -> Ints:
    """Predicted labels ``(n,)`` of images ``(n, channel, y, x)``."""

    def batch(rows: slice) -> Tensor:
        return run.classifier.logits(images[rows]).cpu()

    logits = torch.cat(in_batches(batch, len(images), batch_size))
    if not logits.isfinite().all():
        raise ImagesError(
            "the model returns NaN or infinite logits for some images",
            allowed="finite logits",
            fix="check the normalization (--mean, --std) and the precision",
        )
    return logits.argmax(1).numpy()


def _succeeds(run: Run, predicted: npt.NDArray[Any], labels: Ints) -> npt.NDArray[np.bool_]:
    wrong: npt.NDArray[np.bool_] = predicted != labels
    return wrong if run.target is None else wrong & (predicted == run.target)


def predicted_labels(run: Run, positions: Ints, batch_size: int, bars: RunProgress) -> Ints:
    """Predicted labels ``(n,)`` of the images at these positions, for a source without labels."""
    bars.begin("Predicting labels", len(positions))
    labels = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(positions), batch_size):
        batch = positions[start : start + batch_size]
        pixels = torch.from_numpy(to_pixels(to_stored(run.images.load(batch))))
        labels.append(predictions(run, pixels, batch_size))
        bars.advance(len(batch))
    return np.concatenate(labels)
