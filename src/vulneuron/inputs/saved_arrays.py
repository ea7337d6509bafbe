"""Reads arrays from files of NumPy, PyTorch and safetensors, without unpickling objects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open

from vulneuron.errors import ImagesError, one_line
from vulneuron.inputs.decoding import as_array

_UNNAMED = ("images", "labels")


@dataclass(frozen=True)
class SavedArrays:
    """Some arrays of a file.

    Attributes
    ----------
    arrays
        The requested arrays by name. A file with a single unnamed array has it as ``images``, a tuple of two
        as ``images`` and ``labels``.
    names
        Names of everything in the file.
    """

    arrays: Mapping[str, np.ndarray]
    names: tuple[str, ...]


def read_arrays(path: Path, wanted: Callable[[str], bool]) -> SavedArrays:
    """Read arrays from an ``.npz``, ``.npy``, ``.pt``, ``.pth`` or ``.safetensors`` file.

    Parameters
    ----------
    path
        The file.
    wanted
        Whether to read the array of a name, as files may have large arrays of no use.

    Raises
    ------
    ImagesError
        The file is damaged, or contains pickled objects, which are never loaded.
    """
    try:
        return ARRAY_FILES[path.suffix.lower()](path, wanted)
    # Errors of zipfile, zlib, pickle, torch and NumPy's header parser; ValueError for objects.
    except Exception as error:
        raise ImagesError(
            f"given {str(path)!r}, which cannot be read ({one_line(error)})",
            allowed="a complete file of arrays or tensors, no Python objects",
            fix="save plain arrays, for example with numpy.savez or torch.save",
        ) from error


def _read_npz(path: Path, wanted: Callable[[str], bool]) -> SavedArrays:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        names = tuple(file.files)
        return SavedArrays({name: np.asarray(file[name]) for name in names if wanted(name)}, names)


def _read_npy(path: Path, wanted: Callable[[str], bool]) -> SavedArrays:
    # NumPy leaves files that it opens itself open after some errors.
    with path.open("rb") as stream:
        return _unnamed([np.load(stream, allow_pickle=False)])


def _read_torch(path: Path, wanted: Callable[[str], bool]) -> SavedArrays:
    saved: Any = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(saved, Mapping):
        numeric = {str(name): value for name, value in saved.items() if _is_numeric(value)}
        return SavedArrays(
            {name: as_array(value) for name, value in numeric.items() if wanted(name)},
            tuple(map(str, saved)),
        )
    return _unnamed(saved if isinstance(saved, tuple | list) else [saved])


def _read_safetensors(path: Path, wanted: Callable[[str], bool]) -> SavedArrays:
    with safe_open(path, framework="pt") as file:
        names = tuple(file.keys())
        return SavedArrays({name: as_array(file.get_tensor(name)) for name in names if wanted(name)}, names)


def _unnamed(values: Sequence[Any]) -> SavedArrays:
    arrays_only = all(isinstance(value, torch.Tensor | np.ndarray) and _is_numeric(value) for value in values)
    if not 1 <= len(values) <= len(_UNNAMED) or not arrays_only:
        kinds = ", ".join(type(value).__name__ for value in values[:5]) or "nothing"
        raise ValueError(f"it contains {kinds}, not an array, or images and labels")
    arrays = {name: as_array(value) for name, value in zip(_UNNAMED, values, strict=False)}
    return SavedArrays(arrays, tuple(arrays))


def _is_numeric(value: object) -> bool:
    if isinstance(value, torch.Tensor):
        return not (value.is_sparse or value.is_quantized or value.is_meta or value.is_complex())
    return isinstance(value, np.ndarray | int | float)


ARRAY_FILES: Mapping[str, Callable[[Path, Callable[[str], bool]], SavedArrays]] = {
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".pt": _read_torch,
    ".pth": _read_torch,
    ".safetensors": _read_safetensors,
}
