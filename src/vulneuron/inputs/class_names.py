"""Class names: parsing, and matching with the names of folders."""

import importlib.util
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vulneuron.errors import ImagesError, one_line

IMAGENET_CLASSES = 1000
_WORDNET_ID = re.compile(r"n\d{8}")
_ALLOWED = "'a,b,c', a .txt file with one name per line, or a .json file with a list or with index: name"


def parse_class_names(text: str) -> tuple[str, ...]:
    """Parse the names of a model's outputs, in order.

    Parameters
    ----------
    text
        ``a,b,c``; or a ``.txt`` file with one name per line; or a ``.json`` file with a list of names, or a
        dict from index to name or to ``[wnid, name]``, the format of ImageNet's class index.

    Raises
    ------
    ImagesError
        The file does not exist or has another format, or a name is empty.
    """
    path = Path(text).expanduser()
    if path.suffix not in (".txt", ".json"):
        return _checked(text.split(","), text)
    try:
        content = path.read_text(encoding="utf-8-sig")
        names = json.loads(content) if path.suffix == ".json" else content.rstrip().splitlines()
    except (OSError, ValueError) as error:
        raise ImagesError(
            f"given class names {text!r}, which cannot be read ({one_line(error)})",
            allowed=_ALLOWED,
            fix="check the path and the content",
        ) from error
    return _checked(_in_order(names, text), text)


def _in_order(names: object, text: str) -> Sequence[object]:
    if isinstance(names, Mapping):
        expected = [str(index) for index in range(len(names))]
        missing = next((key for key in expected if key not in names), None)
        if missing is not None:
            raise ImagesError(
                f"given class names {text!r} with {len(names)} entries but none for {missing}",
                allowed=f"the keys 0 to {len(names) - 1}",
                fix="provide a name for each output of the model",
            )
        return [names[key][-1] if isinstance(names[key], list) else names[key] for key in expected]
    return names if isinstance(names, list) else [names]


def _checked(names: Sequence[object], text: str) -> tuple[str, ...]:
    bad = next((i for i, name in enumerate(names) if not isinstance(name, str) or not name.strip()), None)
    if bad is not None or not names:
        problem = f"whose name number {bad} is {names[bad]!r}" if bad is not None else "which is empty"
        raise ImagesError(
            f"given class names {text!r}, {problem}", allowed=_ALLOWED, fix="provide a name for each output"
        )
    return tuple(str(name).strip() for name in names)


def match_names(names: Sequence[str], class_names: Sequence[str]) -> dict[str, int]:
    """Match names to classes.

    A name matches exactly; otherwise ignoring case, and with spaces, underscores and hyphens equal; otherwise
    by its first synonym ("tench, Tinca tinca" is "tench").

    Returns
    -------
    dict
        Name to class index; names without a match are left out.

    Raises
    ------
    ImagesError
        A name matches several classes, or two names match the same class.
    """
    lookups = [(key, _positions(class_names, key)) for key in (str, _loose, _first_synonym)]
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
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _first_synonym(name: str) -> str:
    return _loose(name.partition(",")[0])


def imagenet_indices(names: Sequence[str], all_names: Sequence[str]) -> dict[str, int] | None:
    """Class indices of ImageNet's folder names (WordNet ids such as n01440764); None for other names.

    The 1,000 classes of ILSVRC are numbered in the order of their ids, so a data set with all of them needs
    no list. For a subset, timm's list is used, if timm is installed.

    Source: Deng et al., "ImageNet: A Large-Scale Hierarchical Image Database", CVPR 2009.
    """
    if not all(_WORDNET_ID.fullmatch(name) for name in names):
        return None
    ids = sorted(all_names) if len(all_names) == IMAGENET_CLASSES else _timm_ids()
    index = {wnid: position for position, wnid in enumerate(ids)}
    return {name: index[name] for name in names} if all(name in index for name in names) else None


def _timm_ids() -> list[str]:
    if importlib.util.find_spec("timm") is None:
        return []
    # Imported here, because it is optional and slow to import.
    return list(importlib.import_module("timm.data").ImageNetInfo().label_names())
