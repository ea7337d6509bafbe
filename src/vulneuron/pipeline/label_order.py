"""Chooses the order of folders named by number, from the accuracy that the network has with each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from vulneuron.errors import ImagesError
from vulneuron.inputs.image_source import Images
from vulneuron.inputs.label_readings import OWN, LabelReading
from vulneuron.network import Classifier
from vulneuron.network.batch_size import in_batches

_SAMPLES = 64
_BATCH = 16
_CLEARLY, _ACCURACY = 2, 1 / 8


def choose_label_order(classifier: Classifier, images: Images) -> Images:
    """The same images, with the labels of the reading on which the network is clearly most accurate.

    Up to 64 images on which the readings differ are predicted, spread over the source. A reading is clearly
    best if it has at least twice as many correct predictions as any other one and as chance, and an accuracy
    of at least 1/8. Otherwise the labels of a data set are kept.

    Raises
    ------
    ImagesError
        No reading is clearly best, and no class names settle it.
    """
    readings = images.readings
    if len(readings) < 2:
        return images.with_reading(readings[0]) if readings else images
    labels = np.stack([reading.labels for reading in readings if reading.labels is not None])
    differing = np.flatnonzero((labels != labels[0]).any(axis=0))
    picks = np.unique(np.linspace(0, len(differing) - 1, min(len(differing), _SAMPLES)).astype(int))
    faults = images.source.faults(differing[picks])
    positions = np.array(
        [place for place in differing[picks].tolist() if place not in faults], dtype=np.int64
    )
    correct = (labels[:, positions] == _predictions(classifier, images, positions)).sum(axis=1)
    best = int(correct.argmax())
    others = int(np.delete(correct, best).max())
    counts = _counts(readings, correct, len(positions))
    chance = len(positions) / classifier.classes
    if correct[best] >= max(1, _CLEARLY * others, _CLEARLY * chance, _ACCURACY * len(positions)):
        return images.with_reading(
            readings[best], f"The classes named by number are taken in {readings[best].order}: {counts}."
        )
    if readings[0].order == OWN or (
        images.class_names is not None
        and readings[0].class_names == images.class_names == readings[-1].class_names
    ):
        return images.with_reading(
            readings[0],
            f"The classes named by number are taken in {readings[0].order}, unverified: {counts}.",
        )
    raise ImagesError(
        f"given folders named by number, whose order is uncertain: {counts}",
        allowed="an order in which the model is clearly more accurate, or class names",
        fix="pass the folder names in the order of the outputs with --class-names, such as 0,1,2,...",
    )


def _predictions(
    classifier: Classifier, images: Images, positions: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    if not len(positions):
        return np.empty(0, dtype=np.int64)

    def batch(rows: slice) -> torch.Tensor:
        return classifier.logits(torch.from_numpy(images.load(positions[rows]))).cpu()

    return torch.cat(in_batches(batch, len(positions), _BATCH)).argmax(1).numpy()


def _counts(readings: Sequence[LabelReading], correct: npt.NDArray[np.int64], total: int) -> str:
    parts = [f"{count} correct in {reading.order}" for count, reading in zip(correct, readings, strict=True)]
    return f"of {total} images, {', '.join(parts)}"
