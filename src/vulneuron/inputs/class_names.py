"""Matches names of folders and data sets with class names, and names ImageNet's classes."""

import importlib.util
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from vulneuron.errors import ImagesError
from vulneuron.inputs.class_name_files import without_initials

IMAGENET_CLASSES = 1000
_WORDNET_ID = re.compile(r"n\d{8}")


def match_names(names: Sequence[str], class_names: Sequence[str]) -> dict[str, int]:
    """Match names to classes.

    A name matches exactly; otherwise ignoring case and Unicode composition, and with spaces, underscores and
    hyphens equal; otherwise by its first synonym ("tench, Tinca tinca" is "tench"); otherwise without the
    folder of its initial ("/a/abbey" is "abbey").

    Returns
    -------
    dict
        Name to class index; names without a match are left out.

    Raises
    ------
    ImagesError
        A name matches several classes, or two names match the same class.
    """
    lookups = [(key, _positions(class_names, key)) for key in _KEYS]
    matches: dict[str, int] = {}
    for name in names:
        hits = next((positions[key(name)] for key, positions in lookups if key(name) in positions), [])
        if len(hits) > 1:
            raise ImagesError(
                f"given the class {name!r}, which is the name of the outputs {' and '.join(map(str, hits))}",
                allowed="names that match one output each",
                fix="make the class names distinct, or name the folders by output number",
            )
        if hits:
            matches[name] = hits[0]
    index, count = next(iter(Counter(matches.values()).most_common(1)), (0, 0))
    if count > 1:
        same = " and ".join(repr(name) for name, match in matches.items() if match == index)
        raise ImagesError(
            f"given the classes {same}, which both match {class_names[index]!r}",
            allowed="one folder per class",
            fix="merge or rename them",
        )
    return matches


def _positions(class_names: Sequence[str], key: Callable[[str], str]) -> dict[str, list[int]]:
    positions: dict[str, list[int]] = {}
    for index, name in enumerate(class_names):
        positions.setdefault(key(name), []).append(index)
    return positions


def _loose(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFC", name)).strip().casefold()


def _first_synonym(name: str) -> str:
    return _loose(name.partition(",")[0])


def _without_initial(name: str) -> str:
    return _loose(without_initials((name,))[0])


_KEYS: tuple[Callable[[str], str], ...] = (str, _loose, _first_synonym, _without_initial)


def imagenet_indices(names: Sequence[str], all_names: Sequence[str]) -> dict[str, int] | None:
    """Class indices of ImageNet's folder names (WordNet ids such as n01440764); None for other names.

    The 1,000 classes of ILSVRC are numbered in the order of their ids, so a data set with all of them needs
    no list. For a subset, timm's list is used, if timm is installed.

    Source: Deng et al., "ImageNet: A Large-Scale Hierarchical Image Database", CVPR 2009.
    """
    if not are_wordnet_ids(names):
        return None
    ids = sorted(all_names) if len(all_names) == IMAGENET_CLASSES else list(_timm_ids())
    index = {wnid: position for position, wnid in enumerate(ids)}
    return {name: index[name] for name in names} if all(name in index for name in names) else None


def imagenet_names(wordnet_ids: Sequence[str] | None = None) -> tuple[str, ...]:
    """English names of classes of ImageNet, as in the metadata of torchvision's weights.

    Parameters
    ----------
    wordnet_ids
        Ids of the classes; None for all 1,000 in the order of the outputs.

    Returns
    -------
    tuple of str
        The ids themselves if some are not ImageNet's, or timm, which has the list of ids, is not installed.
    """
    index = {wnid: position for position, wnid in enumerate(_timm_ids())}
    names: Sequence[str] = importlib.import_module("torchvision.models").ResNet18_Weights.DEFAULT.meta[
        "categories"
    ]
    if wordnet_ids is None:
        return tuple(names)
    if not all(wnid in index for wnid in wordnet_ids):
        return tuple(wordnet_ids)
    return tuple(names[index[wnid]] for wnid in wordnet_ids)


def are_wordnet_ids(names: Sequence[str]) -> bool:
    """Whether all names are WordNet ids, such as n01440764."""
    return all(_WORDNET_ID.fullmatch(name) for name in names)


@cache
def _timm_ids() -> tuple[str, ...]:
    package = importlib.util.find_spec("timm")
    if package is None or package.origin is None:
        return ()
    file = Path(package.origin).parent / "data" / "_info" / "imagenet_synsets.txt"
    if file.is_file():
        return tuple(file.read_text(encoding="utf-8").split())
    # Imported here, because it is slow to import.
    return tuple(importlib.import_module("timm.data").ImageNetInfo().label_names())
