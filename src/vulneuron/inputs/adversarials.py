"""Adversarial images that were made elsewhere, one for each benign image."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from vulneuron.errors import ImagesError, one_line
from vulneuron.inputs.arrays import ArraySource
from vulneuron.inputs.decoding import as_array
from vulneuron.inputs.files import SUFFIXES, FileSource, unreadable, walk
from vulneuron.inputs.image_source import ImageSource
from vulneuron.inputs.labels import FoundLabels
from vulneuron.inputs.npz import read_npz

_FORMS = (
    "an .npz file with the array images or adversarials, a .pt file of torchattacks, "
    "a folder with the file names of the benign images, or an array"
)


@dataclass(frozen=True)
class Adversarials:
    """Adversarial images, one for each benign image and in the same order.

    Attributes
    ----------
    source
        Where the pixels come from.
    """

    source: ImageSource

    def __len__(self) -> int:
        return len(self.source)

    @property
    def spec(self) -> str:
        """Where the images come from."""
        return self.source.spec

    @property
    def fingerprint(self) -> str:
        """Changes when the images change."""
        return self.source.fingerprint

    def load(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Adversarial images of some benign ones.

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
            An image cannot be decoded, or does not have the size that the network reads.
        """
        return self.source.load(indices)

    def check(self, indices: Sequence[int] | np.ndarray) -> None:
        """Look for damaged images without decoding them; see `ImageSource.check`."""
        self.source.check(indices)


def load_adversarials(
    source: str | os.PathLike[str] | np.ndarray | torch.Tensor,
    ids: Sequence[str],
    *,
    shape: tuple[int, int, int],
) -> Adversarials:
    """Open adversarial images that were made elsewhere.

    They are taken as they are, as resizing would destroy their perturbations. Whether they fool the network
    is not looked at here.

    Parameters
    ----------
    source
        - ``.npz`` file with the array ``adversarials`` or ``images``: ``(n, y, x)``, ``(n, y, x, channel)``
          or ``(n, channel, y, x)``, uint8 or floats in [0, 1];
        - ``.pt`` file that torchattacks saved, or another one with such a tensor ``adv_inputs``;
        - such an array or tensor itself;
        - a folder in which each adversarial image has the relative file name of its benign image, though
          perhaps another ending (``.png`` beside ``.jpg``).
    ids
        Names of the benign images, in their order.
    shape
        ``(channel, y, x)`` that the network reads.

    Returns
    -------
    Adversarials
        Files of a folder are decoded when they are asked for.

    Raises
    ------
    ImagesError
        The source cannot be read, has not exactly one image for each benign one, or they have another size.
        Nothing is unpickled.
    """
    if isinstance(source, np.ndarray | torch.Tensor):
        return _from_array(as_array(source), f"{type(source).__name__} {tuple(source.shape)}", ids, shape)
    if not isinstance(source, str | os.PathLike):
        raise ImagesError(
            f"given {type(source).__name__} as adversarial images",
            allowed=_FORMS,
            fix="Stack the images into one array",
        )
    path = Path(source).expanduser()
    if path.is_dir():
        return Adversarials(_MatchedFolder(path, ids, shape))
    readers = {".npz": _read_npz, ".pt": _read_pt, ".pth": _read_pt}
    if path.suffix.lower() not in readers or not path.is_file():
        what = "which is of another form" if path.exists() else "which does not exist"
        raise ImagesError(
            f"given {str(path)!r} as adversarial images, {what}", allowed=_FORMS, fix="Check the path"
        )
    return _from_array(readers[path.suffix.lower()](path), str(path), ids, shape)


def _from_array(
    array: np.ndarray, spec: str, ids: Sequence[str], shape: tuple[int, int, int]
) -> Adversarials:
    if array.shape[:1] != (len(ids),):
        count = len(array) if array.ndim else 0
        missing = f", the first without one being {ids[count]!r}" if count < len(ids) else ""
        raise ImagesError(
            f"given {count} adversarial images ({spec}) for {len(ids)} benign ones{missing}",
            allowed="one adversarial image for each benign one, in their order",
            fix="Save all of them, also those on which the attack failed",
        )
    # The count tells gray-scale images from a single one in color, which the shape alone would not.
    array = array[:, None] if array.ndim == 3 else array
    source = ArraySource(array, shape[0], None, spec=spec)
    if source.shape != shape:
        raise _size_error(spec, source.shape, shape)
    return Adversarials(source)


def _read_npz(path: Path) -> np.ndarray:
    # A file may hold the benign images beside them.
    return read_npz(path, ("adversarials", "images"))["images"]


def _read_pt(path: Path) -> np.ndarray:
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    # Damaged files raise whatever zipfile, pickle and torch happen to stumble over.
    except Exception as error:
        raise ImagesError(
            f"given {str(path)!r}, which cannot be read ({one_line(error)})",
            allowed=f"{_FORMS}; no Python objects",
            fix="Save a dict of tensors, as torchattacks does",
        ) from error
    images = saved.get("adv_inputs") if isinstance(saved, dict) else None
    if not isinstance(images, torch.Tensor):
        found = ", ".join(map(str, saved)) if isinstance(saved, dict) else type(saved).__name__
        raise ImagesError(
            f"given {str(path)!r} with {found or 'nothing'}",
            allowed="a dict with the tensor adv_inputs, as torchattacks saves it",
            fix="Save it with torch.save({'adv_inputs': images}, path)",
        )
    return as_array(images)


class _MatchedFolder(FileSource):
    """Image files of a folder in the order of the benign images, found by their names."""

    def __init__(self, root: Path, ids: Sequence[str], shape: tuple[int, int, int]) -> None:
        super().__init__(root, _matched_files(root, ids), shape[0], None)
        self.shape, self.found = shape, FoundLabels()
        # A wrong size shows now, and not after hours.
        self.load([0] if self.ids else [])

    def _size_error(self, name: str, shape: tuple[int, ...]) -> ImagesError:
        return _size_error(str(self._root / name), shape, self.shape)


def _matched_files(root: Path, ids: Sequence[str]) -> list[str]:
    try:
        files = set(walk(root))
    except OSError as error:
        raise unreadable(root, error) from error
    by_stem: dict[str, list[str]] = {}
    for name in sorted(files):
        by_stem.setdefault(_without_ending(name), []).append(name)
    matches = [[name] if name in files else by_stem.get(_without_ending(name), []) for name in ids]
    missing = [name for name, found in zip(ids, matches, strict=True) if not found]
    if missing:
        raise ImagesError(
            f"given {len(ids) - len(missing)} adversarial images ({str(root)!r}) for {len(ids)} benign "
            f"ones, the first without one being {missing[0]!r}",
            allowed="one adversarial image for each benign one, with the same relative name",
            fix="Save all, also those on which the attack failed, in sub-folders as the benign ones have",
        )
    taken: dict[str, str] = {}
    for name, found in zip(ids, matches, strict=True):
        if len(found) > 1 or found[0] in taken:
            also = f" and {taken[found[0]]!r}" if found[0] in taken else ""
            raise ImagesError(
                f"given {' and '.join(found)} in {str(root)!r} for the benign image {name!r}{also}",
                allowed="one adversarial image for each benign one",
                fix="Give the adversarial images the endings of the benign ones",
            )
        taken[found[0]] = name
    return list(taken)


def _without_ending(name: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else name


def _size_error(name: str, shape: tuple[int, ...], expected: tuple[int, int, int]) -> ImagesError:
    return ImagesError(
        f"given adversarial images of shape {tuple(shape)} ({name}) for a network that reads {expected}",
        allowed="images of the size that the network reads (channel, y, x)",
        fix="Save them as the attack made them, as resizing destroys perturbations",
    )
