"""Precomputed adversarial images, one for each benign image."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from vulneuron.errors import ImagesError
from vulneuron.inputs.arrays import ArraySource
from vulneuron.inputs.decoding import as_array
from vulneuron.inputs.files import FileSource
from vulneuron.inputs.image_source import ImageSource
from vulneuron.inputs.labels import DatasetLabels
from vulneuron.inputs.listing import displayed, image_suffixes, unreadable, walk
from vulneuron.inputs.saved_arrays import ARRAY_FILES, read_arrays

_FORMS = (
    "an .npz, .npy, .pt or .safetensors file with the adversarial images, a folder with the file names of "
    "the benign images, or an array"
)
# Names in files of torchattacks and AutoAttack, and in our own; a file may have the benign images, too.
_NAMES = ("adversarials", "adv_inputs", "adv_complete", "adv", "x_adv", "images")
_LABELS, _BUDGETS = ("labels", "y"), ("eps", "epsilon")
# AutoAttack's examples write "aa_standard_1_1000_eps_0.03137.pth".
_BUDGET_IN_NAME = re.compile(r"eps_(?P<budget>\d*\.\d+)")


@dataclass(frozen=True)
class Adversarials:
    """Adversarial images, one for each benign image, in the same order.

    Attributes
    ----------
    source
        Source of the pixels.
    labels
        ``(image,)``, labels that were saved with them; None without.
    budget
        Largest perturbation in the norm of the attack, in [0, 1]; None if unknown.
    """

    source: ImageSource
    labels: np.ndarray | None = None
    budget: float | None = None

    def __len__(self) -> int:
        return len(self.source)

    @property
    def spec(self) -> str:
        """Description of the source."""
        return self.source.spec

    @property
    def fingerprint(self) -> str:
        """A hash that changes with the images."""
        return self.source.fingerprint

    def load(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Load the adversarial images of some benign ones.

        Parameters
        ----------
        indices
            Positions of the benign images in their source, in any order.

        Returns
        -------
        numpy.ndarray
            ``(n, channel, y, x)``, float32 in [0, 1].

        Raises
        ------
        ImagesError
            An image cannot be decoded, or its size is not the network's input size.
        """
        return self.source.load(indices)

    def faults(self, indices: Sequence[int] | np.ndarray) -> Mapping[int, ImagesError]:
        """Find images that cannot be decoded; see `ImageSource.faults`."""
        return self.source.faults(indices)


def load_adversarials(
    source: str | os.PathLike[str] | np.ndarray | torch.Tensor,
    ids: Sequence[str],
    *,
    shape: tuple[int, int, int],
) -> Adversarials:
    """Open precomputed adversarial images.

    They are never resized, which would destroy their perturbations. Whether they fool the network is not
    checked here.

    Parameters
    ----------
    source
        - ``.npz``, ``.npy``, ``.pt`` or ``.safetensors`` file with an array ``(n, y, x)``,
          ``(n, y, x, channel)`` or ``(n, channel, y, x)``, uint8 or floats in [0, 1], the only one or
          called ``adversarials``, ``adv_inputs`` (torchattacks), ``adv_complete`` (AutoAttack), ``adv``,
          ``x_adv`` or ``images``;
        - such an array or tensor;
        - a folder in which each adversarial image has the relative file name of its benign image; the
          extension may differ (``.png`` for ``.jpg``).
    ids
        Names of the benign images, in order.
    shape
        The network's input shape ``(channel, y, x)``.

    Returns
    -------
    Adversarials
        Files of a folder are decoded on demand.

    Raises
    ------
    ImagesError
        The source cannot be read, does not have exactly one image per benign one, or has images of another
        size. Nothing is unpickled.
    """
    if isinstance(source, np.ndarray | torch.Tensor):
        return _from_array(as_array(source), f"{type(source).__name__} {tuple(source.shape)}", ids, shape)
    if not isinstance(source, str | os.PathLike):
        raise ImagesError(
            f"given {type(source).__name__} as adversarial images",
            allowed=_FORMS,
            fix="stack the images into one array",
        )
    path = Path(source).expanduser()
    if path.is_dir():
        return Adversarials(_MatchedFolder(path, ids, shape))
    if path.suffix.lower() not in ARRAY_FILES or not path.is_file():
        reason = "which is of another form" if path.exists() else "which does not exist"
        raise ImagesError(
            f"given {str(path)!r} as adversarial images, {reason}", allowed=_FORMS, fix="check the path"
        )
    return _from_file(path, ids, shape)


def _from_array(
    array: np.ndarray, spec: str, ids: Sequence[str], shape: tuple[int, int, int]
) -> Adversarials:
    if array.shape[:1] != (len(ids),):
        count = len(array) if array.ndim else 0
        missing = f", the first without one being {ids[count]!r}" if count < len(ids) else ""
        raise ImagesError(
            f"given {count} adversarial images ({spec}) for {len(ids)} benign ones{missing}",
            allowed="one adversarial image for each benign one, in their order",
            fix="save all of them, including those on which the attack failed",
        )
    # If the number of images is given, three dimensions mean grayscale images, not one color image.
    array = array[:, None] if array.ndim == 3 else array
    source = ArraySource(array, shape[0], None, spec=spec)
    if source.shape != shape:
        raise _size_error(spec, source.shape, shape)
    return Adversarials(source)


def _from_file(path: Path, ids: Sequence[str], shape: tuple[int, int, int]) -> Adversarials:
    saved = read_arrays(path, {*_NAMES, *_LABELS, *_BUDGETS}.__contains__)
    arrays = saved.arrays
    name = next((name for name in _NAMES if name in arrays), None)
    if name is None:
        raise ImagesError(
            f"given {str(path)!r} with {', '.join(saved.names) or 'nothing'}",
            allowed=f"an array or tensor called {', '.join(_NAMES)}",
            fix="save it with torch.save({'adv_inputs': images}, path)",
        )
    labels = next((arrays[name] for name in _LABELS if name in arrays), None)
    if labels is not None and (labels.shape != (len(ids),) or labels.dtype.kind not in "iu"):
        labels = None
    opened = _from_array(arrays[name], str(path), ids, shape)
    return replace(opened, labels=labels, budget=_budget(path, arrays))


def _budget(path: Path, arrays: Mapping[str, np.ndarray]) -> float | None:
    stated = next((arrays[name] for name in _BUDGETS if name in arrays), None)
    if stated is not None and stated.size == 1:
        return float(stated.reshape(()))
    match = _BUDGET_IN_NAME.search(path.stem)
    return None if match is None else float(match["budget"])


class _MatchedFolder(FileSource):
    """Image files of a folder, matched by name and in the order of the benign images."""

    def __init__(self, root: Path, ids: Sequence[str], shape: tuple[int, int, int]) -> None:
        super().__init__(root, _matched_files(root, ids), shape[0], None)
        self.shape, self.own_labels = shape, DatasetLabels()
        # Fail early on images of a wrong size.
        if self.decoded_shape() != shape:
            raise self._size_error(self.ids[0], self.decoded_shape())

    def _size_error(self, name: str, shape: tuple[int, ...]) -> ImagesError:
        return _size_error(str(self._root / name), shape, self.shape)


def _matched_files(root: Path, ids: Sequence[str]) -> list[str]:
    try:
        files = {displayed(name): name for name in walk(root).images}
    except OSError as error:
        raise unreadable(root, error) from error
    by_stem: dict[str, list[str]] = {}
    for name in sorted(files):
        by_stem.setdefault(_without_extension(name), []).append(name)
    matches = [[name] if name in files else by_stem.get(_without_extension(name), []) for name in ids]
    missing = [name for name, matching in zip(ids, matches, strict=True) if not matching]
    if missing:
        raise ImagesError(
            f"given {len(ids) - len(missing)} adversarial images ({str(root)!r}) for {len(ids)} benign "
            f"ones, the first without one being {missing[0]!r}",
            allowed="one adversarial image for each benign one, with the same relative name",
            fix="save all of them, including failures, in the sub-folders of the benign ones",
        )
    taken: dict[str, str] = {}
    for name, matching in zip(ids, matches, strict=True):
        if len(matching) > 1 or matching[0] in taken:
            also = f" and {taken[matching[0]]!r}" if matching[0] in taken else ""
            raise ImagesError(
                f"given {' and '.join(matching)} in {str(root)!r} for the benign image {name!r}{also}",
                allowed="one adversarial image for each benign one",
                fix="use the file extensions of the benign images for the adversarial images",
            )
        taken[matching[0]] = name
    return [files[name] for name in taken]


def _without_extension(name: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in image_suffixes() else name


def _size_error(name: str, shape: tuple[int, ...], expected: tuple[int, int, int]) -> ImagesError:
    return ImagesError(
        f"given adversarial images of shape {tuple(shape)} ({name}) for a network that takes {expected}",
        allowed="images of the network's input shape (channel, y, x)",
        fix="save the attack's output unchanged, as resizing destroys perturbations",
    )
