"""Lists the image files of a folder, and the files that are left out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vulneuron.errors import ImagesError, one_line

# Formats that Pillow only identifies, or renders with other programs.
_NOT_PIXELS = frozenset(("BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"))
# Files that usually accompany images.
_COMPANIONS = frozenset(
    (
        *(".cfg", ".csv", ".db", ".gz", ".html", ".ini", ".ipynb", ".json", ".jsonl", ".log", ".md", ".npz"),
        *(".parquet", ".pt", ".py", ".rst", ".sh", ".tar", ".tsv", ".txt", ".url", ".xml", ".yaml", ".yml"),
        ".zip",
    )
)
# Folders that archive programs, file servers and operating systems leave behind.
_SYSTEM_FOLDERS = frozenset(
    ("__macosx", "__pycache__", "@eadir", "$recycle.bin", "lost+found", "system volume information")
)
_BROKEN_LINK, _NO_EXTENSION = "broken links", "without an extension"
_SHOWN = 5


@dataclass(frozen=True)
class Listing:
    """Image files, and other files that may have been meant as images.

    Attributes
    ----------
    images
        Relative paths with forward slashes, sorted folder by folder.
    skipped
        Relative path and reason of each file that is left out.
    """

    images: list[str]
    skipped: list[tuple[str, str]]

    def notes(self) -> tuple[str, ...]:
        """One sentence that counts and names the files that are left out; empty without any."""
        if not self.skipped:
            return ()
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.skipped:
            by_reason.setdefault(reason, []).append(displayed(name))
        parts = [
            f"{len(names):,} {reason} ({', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
            for reason, names in sorted(by_reason.items())
        ]
        total = len(self.skipped)
        return (f"{total:,} {'file is' if total == 1 else 'files are'} left out: {', '.join(parts)}.",)


def image_suffixes() -> frozenset[str]:
    """Lower-case extensions of the image files that Pillow can decode here, with its plug-ins."""
    formats = Image.registered_extensions().items()
    return frozenset(suffix for suffix, name in formats if name in Image.OPEN and name not in _NOT_PIXELS)


def scan(folder: Path, prefix: str = "") -> tuple[Listing, list["os.DirEntry[str]"]]:
    """Files and sub-folders directly in a folder, both sorted; hidden ones are skipped."""
    suffixes = image_suffixes()
    with os.scandir(folder) as entries:
        visible = sorted(
            (entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name
        )
    images, skipped, folders = [], [], []
    for entry in visible:
        suffix = Path(entry.name).suffix.lower()
        if entry.is_dir():
            if entry.name.casefold() not in _SYSTEM_FOLDERS:
                folders.append(entry)
        elif not entry.is_file():
            skipped.append((prefix + entry.name, _BROKEN_LINK if entry.is_symlink() else "not regular files"))
        elif suffix in suffixes:
            images.append(prefix + entry.name)
        elif suffix not in _COMPANIONS:
            skipped.append((prefix + entry.name, suffix or _NO_EXTENSION))
    return Listing(images, skipped), folders


def walk(folder: Path, prefix: str = "", above: tuple[tuple[int, int], ...] = ()) -> Listing:
    """Files in a folder at any depth; follows links to folders."""
    here = identity(folder)
    # A link to one of its parents would be followed forever.
    if here in above:
        return Listing([], [])
    listing, folders = scan(folder, prefix)
    below = [walk(Path(entry), f"{prefix}{entry.name}/", (*above, here)) for entry in folders]
    return merged([listing, *below])


def merged(listings: Sequence[Listing]) -> Listing:
    """Several listings in their order."""
    return Listing(
        [name for listing in listings for name in listing.images],
        [entry for listing in listings for entry in listing.skipped],
    )


def identity(folder: Path) -> tuple[int, int]:
    """Device and inode of a folder, equal for all links to it."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def displayed(name: str) -> str:
    r"""A file name as valid Unicode; bytes that are not UTF-8 are written as ``\xff``."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    return name


def unreadable(path: Path, error: OSError) -> ImagesError:
    """Error for a file or folder that cannot be read."""
    return ImagesError(
        f"given {displayed(str(path))!r}, which cannot be read ({one_line(error)})",
        allowed="readable files and folders",
        fix="check path and permissions",
    )
