"""Names of records in URLs, from their paths."""

import os
import re
from collections import Counter
from collections.abc import Sequence

from vulneuron.record.location import is_remote

PathParts = tuple[str, ...]


def record_names(paths: Sequence[str]) -> list[str]:
    """Short, unique name of each path: its last part, and as many folders as distinguish it from the others.

    ``runs/a/run.zarr`` and ``runs/b/run.zarr`` become ``a-run`` and ``b-run`` in any order, so a shared
    URL keeps its meaning. Only paths that are the same in a URL are numbered.
    """
    path_parts = [_parts(path) for path in paths]
    shortest = _shortest(set(path_parts))
    names, free = [""] * len(paths), Counter(shortest.values())
    taken: set[str] = set()
    for place in sorted(range(len(paths)), key=lambda place: (path_parts[place], paths[place])):
        name, number = shortest[path_parts[place]], 1
        numbered = name
        while numbered in taken or (number > 1 and numbered in free):
            number += 1
            numbered = f"{name}-{number}"
        taken.add(numbered)
        names[place] = numbered
    return names


def _parts(path: str) -> PathParts:
    """Folders and name of a path from its root, each as it is written in a URL."""
    # `Path.resolve` would follow links and lose the name in the user's path.
    whole = path if is_remote(path) else os.path.abspath(path)  # noqa: PTH100
    parts = re.split(r"[/\\]+", whole.rstrip("/\\").removesuffix(".zarr"))
    slugs = [slug(part) for part in parts]
    return (*filter(None, slugs[:-1]), slugs[-1] or "record")


def slug(part: str) -> str:
    """Part of a path as it is written in a URL."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", part).strip("-")


def _shortest(paths: set[PathParts]) -> dict[PathParts, str]:
    """Shortest suffixes of the paths that differ from each other, where there are such."""
    lengths = dict.fromkeys(paths, 1)
    while True:
        names = {path: "-".join(path[-length:]) for path, length in lengths.items()}
        counts = Counter(names.values())
        longer = [path for path in paths if counts[names[path]] > 1 and lengths[path] < len(path)]
        if not longer:
            return names
        for path in longer:
            lengths[path] += 1
