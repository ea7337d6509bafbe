"""`ImageSource`: images wherever they are; `Images`: the same with labels of the model's classes."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from vulneuron.errors import ImagesError
from vulneuron.inputs.labels import FoundLabels, as_labels, check_class_names, resolve_labels


class ImageSource(ABC):
    """Images that are decoded batch by batch when they are asked for.

    Attributes
    ----------
    spec
        Where they come from.
    ids
        A unique name of each image: its path in the folder, or its index.
    shape
        ``(channel, y, x)`` of all images as they are loaded.
    fingerprint
        Changes when the images, or the way in which they are loaded, change.
    found
        The labels that they come with.
    """

    spec: str
    ids: Sequence[str]
    shape: tuple[int, int, int]
    fingerprint: str
    found: FoundLabels

    def __len__(self) -> int:
        return len(self.ids)

    def load(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Decode some images.

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
            An image cannot be decoded, or has another size than the others.
        """
        images = np.empty((len(indices), *self.shape), dtype=np.float32)
        positions = [int(index) for index in indices]
        for row, pixels in enumerate(self._decoded(positions)):
            if pixels.shape != self.shape:
                raise self._size_error(self.ids[positions[row]], pixels.shape)
            images[row] = pixels
        return images

    def check(self, indices: Sequence[int] | np.ndarray) -> None:
        """Look for damaged images without decoding them, so that a long run does not meet them late.

        Only files can be damaged: images in memory and data sets are not looked at.

        Parameters
        ----------
        indices
            Positions in ``ids``, in any order.

        Raises
        ------
        ImagesError
            Names the first damaged image, and says how many there are.
        """
        return

    @abstractmethod
    def _decoded(self, indices: Sequence[int]) -> Iterable[np.ndarray]:
        """Pixels ``(channel, y, x)`` of each image."""

    def _size_error(self, name: str, shape: tuple[int, ...]) -> ImagesError:
        (_, height, width), (_, own_height, own_width) = shape, self.shape
        return ImagesError(
            f"given {name} of {height}x{width} pixels beside images of {own_height}x{own_width}",
            allowed="images of one size, or an image size to bring them to",
            fix=f"Give --image-size {min(own_height, own_width)}",
        )

    def labeled(
        self, classes: int, *, labels: object = None, class_names: Sequence[str] | None = None
    ) -> "Images":
        """Bring the labels to the outputs of a model.

        Parameters
        ----------
        classes
            Number of outputs.
        labels
            One integer an image, instead of the labels that the source has.
        class_names
            Names of all outputs, in order, if they are known.

        Raises
        ------
        ImagesError
            The labels or the class names do not fit the model.
        """
        names = None if class_names is None else check_class_names(class_names, classes)
        found = self.found if labels is None else FoundLabels(as_labels(labels, len(self)))
        resolved, names = resolve_labels(found, classes, names)
        return Images(self, resolved, names)


@dataclass(frozen=True)
class Images:
    """Images with labels that are outputs of one model.

    Attributes
    ----------
    source
        Where the pixels come from.
    labels
        ``(image,)``, int64, each an output of the model; None if the images are not labeled.
    class_names
        Names of all outputs, in order; None if unknown.
    """

    source: ImageSource
    labels: np.ndarray | None
    class_names: tuple[str, ...] | None

    def __len__(self) -> int:
        return len(self.source)

    @property
    def spec(self) -> str:
        """Where the images come from."""
        return self.source.spec

    @property
    def ids(self) -> Sequence[str]:
        """A unique name of each image: its path in the folder, or its index."""
        return self.source.ids

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channel, y, x)`` of all images as they are loaded."""
        return self.source.shape

    @property
    def fingerprint(self) -> str:
        """Changes when the images, the way in which they are loaded, or their labels change."""
        labels = b"unlabeled" if self.labels is None else self.labels.tobytes()
        return hashlib.sha256(self.source.fingerprint.encode() + labels).hexdigest()

    def load(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Decode some images to ``(n, channel, y, x)``, float32 in [0, 1]; see `ImageSource.load`."""
        return self.source.load(indices)

    def check(self, indices: Sequence[int] | np.ndarray) -> None:
        """Look for damaged images without decoding them; see `ImageSource.check`."""
        self.source.check(indices)
