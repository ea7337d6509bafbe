"""Names of records in URLs, from their paths."""

import os
import re
from collections import Counter
from collections.abc import Sequence

from vulneuron.record.store import is_remote

PathParts = tuple[str, ...]


def record_names(paths: Sequence[str]) -> list[str]:
    """One name a path: the last part of it, and as many of those before it as tell it from the other paths.

    ``runs/a/run.zarr`` and ``runs/b/run.zarr`` are ``a-run`` and ``b-run``, in whatever order they are given,
    so that an address that somebody shares goes on to mean the same record. Only paths that read the same as
    parts of a URL get a number behind their name.
    """
    of_paths = [_parts(path) for path in paths]
    shortest = _shortest(set(of_paths))
    names, free = [""] * len(paths), Counter(shortest.values())
    taken: set[str] = set()
    for place in sorted(range(len(paths)), key=lambda place: (of_paths[place], paths[place])):
        name, number = shortest[of_paths[place]], 1
        numbered = name
        while numbered in taken or (number > 1 and numbered in free):
            number += 1
            numbered = f"{name}-{number}"
        taken.add(numbered)
        names[place] = numbered
    return names


def _parts(path: str) -> PathParts:
    """Folders of a path from the root on, each as a part of a URL."""
    # `Path.resolve` would follow links, and so lose the name that the user gave.
    whole = path if is_remote(path) else os.path.abspath(path)  # noqa: PTH100
    parts = re.split(r"[/\\]+", whole.rstrip("/\\").removesuffix(".zarr"))
    slugs = [re.sub(r"[^A-Za-z0-9_-]+", "-", part).strip("-") for part in parts]
    return (*(slug for slug in slugs[:-1] if slug), slugs[-1] or "record")


def _shortest(paths: set[PathParts]) -> dict[PathParts, str]:
    """Shortest ends of the paths that differ from each other, if there are such."""
    lengths = dict.fromkeys(paths, 1)
    while True:
        names = {path: "-".join(path[-length:]) for path, length in lengths.items()}
        many = Counter(names.values())
        longer = [path for path in paths if many[names[path]] > 1 and lengths[path] < len(path)]
        if not longer:
            return names
        for path in longer:
            lengths[path] += 1
