"""Fuzzing of user input: damaged files, odd names and spec strings give images or one-line errors.

The test suite runs a few inputs of each kind; ``python tests/inputs/fuzz.py 20000`` runs many.
"""

import io
import json
import os
import pickle
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save as save_safetensors

from vulneuron.errors import VulneuronError
from vulneuron.inputs.adversarials import load_adversarials
from vulneuron.inputs.class_name_files import parse_class_names
from vulneuron.inputs.images import open_images

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 9, 8, 3), dtype=np.uint8)
SHAPE = (3, 9, 8)
FORMATS = ("jpg", "png", "webp", "gif", "bmp", "tif", "tga", "jp2", "ppm", "ico", "qoi")
#: Written by a pickle if anything unpickles it.
MARKER = "unpickled"
_LONGEST_MESSAGE = 3000

#: Kind of the result of each input: "accepted" or "refused".
Outcomes = Counter[str]


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (MARKER, "w")


@contextmanager
def empty_folder() -> Iterator[Path]:
    """A temporary working folder in which reading input must neither write nor unpickle."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def attempt(read: Callable[[], object], outcomes: Outcomes | None) -> None:
    """Read input that may be refused with a one-line error, and check that no files change."""
    before = sorted(Path().rglob("*"))
    try:
        read()
        message = ""
    except VulneuronError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < _LONGEST_MESSAGE
    assert sorted(Path().rglob("*")) == before
    assert not Path(MARKER).exists()
    if outcomes is not None:
        outcomes["refused" if message else "accepted"] += 1


def _load_everything(source: str | Path) -> None:
    images = open_images(source)
    sound = [index for index in range(len(images)) if index not in images.faults(range(len(images)))]
    images.load(sound)
    assert len(images.fingerprint) == 64


def _image_bytes(suffix: str) -> bytes:
    stream = io.BytesIO()
    stream.name = f"a.{suffix}"  # Pillow reads the format from the name.
    Image.fromarray(PIXELS[0]).save(stream)
    return stream.getvalue()


def _array_files() -> dict[str, list[bytes]]:
    labels = np.array([0, 1, 2])
    npz, npy, objects = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(npz, images=PIXELS, labels=labels)
    np.save(npy, PIXELS)
    np.savez(objects, images=np.array([Trap()], dtype=object))
    saved = []
    for value in ({"adv_inputs": torch.from_numpy(PIXELS), "labels": torch.arange(3)}, {"images": Trap()}):
        stream = io.BytesIO()
        torch.save(value, stream)
        saved.append(stream.getvalue())
    trap = pickle.dumps(Trap())
    return {
        "npz": [npz.getvalue(), objects.getvalue(), trap],
        "npy": [npy.getvalue(), trap],
        "pt": [*saved, trap],
        "pth": [*saved, trap],
        "safetensors": [save_safetensors({"images": PIXELS, "labels": labels})],
    }


IMAGE_FILES = {suffix: [_image_bytes(suffix)] for suffix in FORMATS}
ARRAY_FILES = _array_files()


@st.composite
def damaged(draw: st.DrawFn, files: dict[str, list[bytes]]) -> tuple[str, bytes]:
    """Extension and content of a file: bytes of a valid one changed, cut, inserted, or all at random."""
    suffix = draw(st.sampled_from(sorted(files)))
    content = bytearray(draw(st.sampled_from(files[draw(st.sampled_from((*(suffix,) * 20, *files)))])))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        match draw(st.sampled_from(("change", "cut", "insert", "remove"))):
            case "change":
                content[place : place + 1] = draw(st.binary(min_size=1, max_size=4))
            case "cut":
                del content[place:]
            case "insert":
                content[place:place] = draw(st.binary(max_size=20))
            case _:
                del content[place : place + draw(st.integers(1, 50))]
    return suffix, bytes(content)


names = st.one_of(
    st.sampled_from(
        ("train", "val", "0", "1", "10", "2", "007", "n01440764", "__MACOSX", "a", "é", "e\u0301")
    ),
    st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=8),
    st.binary(min_size=1, max_size=6).filter(lambda name: not set(name) & {0, 47}).map(os.fsdecode),
).filter(lambda name: name not in (".", "..") and len(os.fsencode(name)) < 200)
suffixes = st.sampled_from((".png", ".PNG", ".heic", "", ".txt", ".jpg"))
texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=5).map("\n".join),
    st.lists(st.tuples(names, st.integers(0, 5)), max_size=5).map(
        lambda rows: "\n".join(f"{name},{index}" for name, index in rows)
    ),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-1, 4), st.floats(), st.text(max_size=5)),
        lambda values: st.one_of(
            st.lists(values, max_size=4),
            st.dictionaries(st.sampled_from(("0", "1", "id2label", "names", "a", "b")), values, max_size=4),
        ),
        max_leaves=8,
    ).map(json.dumps),
)
specs = st.lists(
    st.one_of(
        st.sampled_from(
            (
                "torchvision:",
                "CIFAR10",
                "MNIST",
                "?",
                "&",
                "=",
                "root",
                "split",
                "test",
                "a.npz",
                "a.py:",
                "f",
                ".pt",
            )
        ),
        st.sampled_from(
            (".tar", "{000..002}", "{9..1}", ".parquet", "a", ",", ".txt", ".json", ".yaml", "[", "{")
        ),
        st.text(max_size=6),
    ),
    max_size=6,
).map("".join)
# Nothing outside the working folder.
specs = specs.filter(lambda text: not any(part in text for part in ("/", "~", "..}", "\\")) or "{" in text)
specs = specs.filter(lambda text: "/" not in text and text.strip() not in ("", ".", ".."))


def image_files(file: tuple[str, bytes], outcomes: Outcomes | None = None) -> None:
    """A damaged image file beside a sound one."""
    suffix, content = file
    with empty_folder() as folder:
        (folder / f"a.{suffix}").write_bytes(content)
        Image.fromarray(PIXELS[0]).save(folder / "b.png")
        attempt(lambda: _load_everything(folder), outcomes)


def array_files(file: tuple[str, bytes], outcomes: Outcomes | None = None) -> None:
    """A damaged file of arrays, as images and as adversarial images."""
    suffix, content = file
    with empty_folder() as folder:
        path = folder / f"a.{suffix}"
        path.write_bytes(content)
        attempt(lambda: _load_everything(path), outcomes)
        attempt(lambda: load_adversarials(path, ["0", "1", "2"], shape=SHAPE).load([0]), None)


def folder_trees(
    tree: tuple[list[tuple[list[str], str]], int, list[str] | None], outcomes: Outcomes | None = None
) -> None:
    """Files in folders with odd names, for a network with some outputs."""
    files, classes, class_names = tree
    with empty_folder() as folder:
        for parts, suffix in files:
            path = folder.joinpath(*parts[:-1], parts[-1] + suffix)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(PIXELS[0]).save(path, "PNG")
            except OSError:  # a file where a folder should be
                continue

        def read() -> None:
            images = open_images(folder).labeled(classes, class_names=class_names)
            for reading in images.readings:
                assert reading.labels is None or set(reading.labels) <= set(range(classes))
                assert reading.class_names is None or len(reading.class_names) == classes
            images.load([0])
            json.dumps([list(images.ids), images.class_names, images.spec], ensure_ascii=False).encode()

        attempt(read, outcomes)


def class_name_files(file: tuple[str, str | bytes], outcomes: Outcomes | None = None) -> None:
    """Class names in files of several formats."""
    suffix, content = file
    with empty_folder() as folder:
        path = folder / f"names{suffix}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        attempt(lambda: parse_class_names(str(path)), outcomes)


def spec_strings(text: str, outcomes: Outcomes | None = None) -> None:
    """Any text as images, adversarial images and class names."""
    with empty_folder():
        attempt(lambda: open_images(text), outcomes)
        attempt(lambda: load_adversarials(text, ["0"], shape=SHAPE), None)
        attempt(lambda: parse_class_names(text), None)


TARGETS: dict[Callable[..., None], st.SearchStrategy[Any]] = {
    image_files: damaged(IMAGE_FILES),
    array_files: damaged(ARRAY_FILES),
    folder_trees: st.tuples(
        st.lists(st.tuples(st.lists(names, min_size=1, max_size=4), suffixes), min_size=1, max_size=6),
        st.sampled_from((2, 3, 12, 1000)),
        st.one_of(st.none(), st.lists(st.text(max_size=4), min_size=2, max_size=3)),
    ),
    class_name_files: st.tuples(
        st.sampled_from((".txt", ".json", ".csv", ".tsv", ".yaml", ".YML", ".TXT", ".names", "")),
        st.one_of(texts, st.binary(max_size=40)),
    ),
    spec_strings: specs,
}


def _drawing(run: Callable[[Any], None], strategy: st.SearchStrategy[Any]) -> Callable[[st.DataObject], None]:
    def test(data: st.DataObject) -> None:
        run(data.draw(strategy))

    return test


def main(total: int) -> None:
    """Run `total` inputs, and print how many were accepted and refused."""
    warnings.simplefilter("error")
    for target, strategy in TARGETS.items():
        outcomes: Outcomes = Counter()
        run = partial(target, outcomes=outcomes)
        start = time.monotonic()
        options = settings(
            max_examples=total // len(TARGETS),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        options(given(data=st.data())(_drawing(run, strategy)))()
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
        sys.stdout.write(
            f"{target.__name__}: {outcomes.total():,} inputs, {counts}, {time.monotonic() - start:.0f} s\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
