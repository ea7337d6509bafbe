"""`ImageSource`, images from anywhere, and `Images`, the same with labels of the model's classes."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vulneuron.errors import ImagesError
from vulneuron.inputs.label_readings import LabelReading, read_labels
from vulneuron.inputs.labels import DatasetLabels, as_labels, check_class_names


class ImageSource(ABC):
    """Images decoded on demand, batch by batch.

    Attributes
    ----------
    spec
        Description of the source.
    ids
        A unique name of each image: its path in the folder, or its index.
    shape
        ``(channel, y, x)`` of all images as loaded.
    fingerprint
        A hash that changes with the images and the way they are loaded.
    own_labels
        Labels that come with the images.
    notes
        Remarks about the images, one sentence each.
    """

    spec: str
    ids: Sequence[str]
    shape: tuple[int, int, int]
    fingerprint: str
    own_labels: DatasetLabels
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def load(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Load some images.

        Parameters
        ----------
        indices
            Positions in ``ids``, in any order.

        Returns
        -------
        numpy.ndarray
            ``(n, channel, y, x)``, float32 in [0, 1].

        Raises
        ------
        ImagesError
            An image cannot be decoded, or its size differs from the others'.
        """
        images = np.empty((len(indices), *self.shape), dtype=np.float32)
        positions = [int(index) for index in indices]
        for row, pixels in enumerate(self._decoded(positions)):
            if pixels.shape != self.shape:
                raise self._size_error(self.ids[positions[row]], pixels.shape)
            images[row] = pixels
        return images

    def faults(self, indices: Sequence[int] | np.ndarray) -> Mapping[int, ImagesError]:
        """Find images that cannot be decoded, before a long run begins.

        Only files can be damaged; images in memory and data sets are not checked.

        Parameters
        ----------
        indices
            Positions in ``ids``, in any order.

        Returns
        -------
        Mapping
            Position and error of each damaged image.
        """
        return {}

    @abstractmethod
    def _decoded(self, indices: Sequence[int]) -> Iterable[np.ndarray]:
        """Pixels ``(channel, y, x)`` of each image."""

    def _size_error(self, name: str, shape: tuple[int, ...]) -> ImagesError:
        (_, height, width), (_, own_height, own_width) = shape, self.shape
        return ImagesError(
            f"given {name} of {height}x{width} pixels, but other images of {own_height}x{own_width}",
            allowed="images of one size, or a target image size",
            fix="pass the size that the model was trained on, such as --image-size 224",
        )

    def labeled(
        self, classes: int, *, labels: object = None, class_names: Sequence[str] | None = None
    ) -> "Images":
        """Map the labels to the outputs of a model.

        Sub-folders are matched with the class names: exactly, ignoring case, spaces, underscores and hyphens,
        or by the first of several synonyms. They may also be named by output number, or be ImageNet's for a
        model with its 1,000 outputs. Without class names, the sorted sub-folders are the classes if there is
        one per output, or the innermost folders, if only their number fits. Folders named by number may have
        several readings (see `Images.readings`).

        Parameters
        ----------
        classes
            Number of outputs.
        labels
            One integer per image, instead of the source's own labels.
        class_names
            Names of all outputs, in order, if known.

        Raises
        ------
        ImagesError
            The labels or the class names do not fit the model.
        """
        names = None if class_names is None else check_class_names(class_names, classes)
        own = self.own_labels if labels is None else DatasetLabels(as_labels(labels, len(self)))
        readings = read_labels(own, classes, names)
        return Images(self, readings[0].labels, readings[0].class_names, readings, self.notes)


@dataclass(frozen=True)
class Images:
    """Images with labels of one model's outputs.

    Attributes
    ----------
    source
        Source of the pixels.
    labels
        ``(image,)``, int64, each an output of the model; None if the images are not labeled.
    class_names
        Names of all outputs, in order; None if unknown.
    readings
        All ways to map the labels to outputs; more than one if folders are named by number, and the labels
        depend on their order.
    notes
        Remarks about the source and its labels, one sentence each.
    """

    source: ImageSource
    labels: np.ndarray | None
    class_names: tuple[str, ...] | None
    readings: tuple[LabelReading, ...] = ()
    notes: tuple[str, ...] = ()

    def with_reading(self, reading: LabelReading, *notes: str) -> "Images":
        """The same images with the labels of one reading, and its notes."""
        notes = (*self.notes, *reading.notes, *notes)
        return replace(
            self, labels=reading.labels, class_names=reading.class_names, readings=(reading,), notes=notes
        )

    def __len__(self) -> int:
        return len(self.source)

    @property
    def spec(self) -> str:
        """Description of the source."""
        return self.source.spec

    @property
    def ids(self) -> Sequence[str]:
        """A unique name of each image: its path in the folder, or its index."""
        return self.source.ids

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channel, y, x)`` of all images as loaded."""
        return self.source.shape

    @property
    def fingerprint(self) -> str:
        """A hash that changes with the images, the way they are loaded, and their labels."""
        labels = b"unlabeled" if self.labels is None else self.labels.tobytes()
        return hashlib.sha256(self.source.fingerprint.encode() + labels).hexdigest()

    def load(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Load some images as ``(n, channel, y, x)``, float32 in [0, 1]; see `ImageSource.load`."""
        return self.source.load(indices)

    def faults(self, indices: Sequence[int] | np.ndarray) -> Mapping[int, ImagesError]:
        """Find images that cannot be decoded; see `ImageSource.faults`."""
        return self.source.faults(indices)
