"""Names and order of classes: folders of ImageNet and Places365, empty folders, splits, other labels."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import Subset
from torchvision.datasets import ImageFolder

from inputs.loading import load_images
from vulneuron.errors import ImagesError
from vulneuron.inputs.class_name_files import as_class_names


def write(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (sum(map(ord, name)) % 256, 0, 0)).save(path)
    return root


PLACES = ("a/abbey/0.png", "a/apartment_building/outdoor/1.png", "b/beach/2.png")


def test_innermost_folders_are_the_classes_if_only_their_number_fits(tmp_path: Path) -> None:
    images = load_images(write(tmp_path, *PLACES), classes=3)
    assert images.class_names == ("abbey", "apartment_building/outdoor", "beach")
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1, 2]
    assert "innermost" in images.readings[0].notes[0]
    # Two sub-folders for two outputs.
    images = load_images(tmp_path, classes=2)
    assert images.class_names == ("a", "b")
    # Other nested folders: superclasses.
    nested = write(tmp_path / "c", "animal/cat/0.png", "animal/dog/1.png", "plant/rose/2.png")
    assert load_images(nested, classes=3).class_names == ("animal/cat", "animal/dog", "plant/rose")


def test_innermost_folders_are_matched_with_class_names(tmp_path: Path) -> None:
    write(tmp_path, *PLACES)
    file = tmp_path.parent / "categories.txt"
    file.write_text("/a/abbey 2\n/b/beach 0\n/a/apartment_building/outdoor 1\n/b/bog 3\n")
    for names in (
        str(file),
        ("/b/beach", "/a/apartment_building/outdoor", "/a/abbey", "/b/bog"),
        ("Beach", "apartment building/outdoor", "abbey", "bog"),
    ):
        images = load_images(tmp_path, classes=4, class_names=as_class_names(names))
        assert images.labels is not None
        assert images.labels.tolist() == [2, 1, 0]


def test_folders_of_imagenet_show_names(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    write(tmp_path, "n01440764/a.png", "n02102040/b.png")
    images = load_images(tmp_path, classes=1000)
    assert images.class_names is not None
    assert images.labels is not None
    assert [images.class_names[label] for label in images.labels] == ["tench", "English springer"]
    # Imagenette: a network for some of the classes.
    assert load_images(tmp_path, classes=2).class_names == ("tench", "English springer")
    # Ids that are not of ImageNet's 1,000 classes.
    others = write(tmp_path / "others", "n00000001/a.png", "n00000002/b.png")
    assert load_images(others, classes=2).class_names == ("n00000001", "n00000002")


def test_empty_and_system_folders_are_no_classes(tmp_path: Path) -> None:
    write(tmp_path, "cat/a.png", "dog/b.png", "__MACOSX/cat/._a.png", "@eaDir/cat/a.png")
    (tmp_path / "logs").mkdir()
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "a.xml").write_text("no image")
    images = load_images(tmp_path, classes=2)
    assert images.class_names == ("cat", "dog")
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1]
    assert "2 sub-folders without images are not counted as classes (annotations, logs)" in str(
        images.readings[0].notes
    )
    # One folder per output, some of them empty.
    images = load_images(tmp_path, classes=4)
    assert images.labels is not None
    assert images.labels.tolist() == [1, 2]


@pytest.mark.parametrize(
    "splits", [("train", "val"), ("Training", "Test"), ("test",), ("train", "valid", "test")]
)
def test_a_root_above_splits_is_refused(tmp_path: Path, splits: tuple[str, ...]) -> None:
    write(tmp_path, *(f"{split}/{name}/a.png" for split in splits for name in ("cat", "dog")))
    for classes in (2, len(splits), 10):
        with pytest.raises(
            ImagesError, match=r"sub-folders are the splits .*Give one of the splits, such as"
        ):
            load_images(tmp_path, classes=classes)
    assert load_images(tmp_path / splits[0], classes=2).class_names == ("cat", "dog")


def test_a_class_may_be_named_like_a_split(tmp_path: Path) -> None:
    write(tmp_path, "train/a.png", "bus/b.png")
    assert load_images(tmp_path, classes=2).class_names == ("bus", "train")
    only = write(tmp_path / "only", "train/a.png")
    images = load_images(only, classes=2, class_names=("train", "bus"))
    assert images.labels is not None
    assert images.labels.tolist() == [0]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_names_are_equal(tmp_path: Path, form: str) -> None:
    write(tmp_path, unicodedata.normalize(form, "café/a.png"), unicodedata.normalize(form, "Äpfel/b.png"))  # type: ignore[arg-type]
    assert load_images(tmp_path, classes=2).class_names == ("Äpfel", "café")[:: 1 if form == "NFD" else -1]
    images = load_images(tmp_path, classes=2, class_names=("café", "Äpfel"))
    assert images.labels is not None
    assert {name[0]: label for name, label in zip(images.ids, images.labels, strict=True)}["c"] == 0
    other = load_images(tmp_path, classes=2, class_names=("cafe\u0301", "A\u0308pfel"))
    assert other.labels is not None
    assert other.labels.tolist() == images.labels.tolist()


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    for name in (b"caf\xe9", b"dog"):
        folder = bytes(tmp_path) + b"/" + name
        (tmp_path / folder.decode("utf-8", "surrogateescape")).mkdir()
        file = tmp_path / (folder + b"/\xff.png").decode("utf-8", "surrogateescape")
        Image.new("RGB", (4, 4), (9, 0, 0)).save(file)
    images = load_images(tmp_path, classes=2)
    assert list(images.ids) == ["caf\\xe9/\\xff.png", "dog/\\xff.png"]
    assert images.class_names == ("caf\\xe9", "dog")
    assert images.load([0, 1]).shape == (2, 3, 4, 4)
    assert not images.faults([0, 1])
    assert len(images.fingerprint) == 64


class Remapped:
    """A data set with names and stored targets, whose items have other labels."""

    classes = ("plane", "car", "bird")

    def __init__(self, remap: Callable[[int], int], *, stored: bool = True, transform: bool = True) -> None:
        self._remap, self._labels = remap, [0, 1, 2, 2, 1, 0]
        if stored:
            self.targets = list(self._labels)
        if transform:
            self.target_transform = remap

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return np.full((4, 4, 3), index, dtype=np.uint8), self._remap(self._labels[index])


@pytest.mark.parametrize(("stored", "transform"), [(True, True), (True, False), (False, True)])
def test_a_permutation_of_labels_permutes_the_names(stored: bool, transform: bool) -> None:
    images = load_images(
        Remapped(lambda label: (label + 1) % 3, stored=stored, transform=transform), classes=3
    )
    assert images.labels is not None
    assert images.labels.tolist() == [1, 2, 0, 0, 2, 1]
    assert images.class_names == ("bird", "plane", "car")
    assert [images.class_names[label] for label in images.labels[:3]] == ["plane", "car", "bird"]


@pytest.mark.parametrize(("stored", "transform"), [(True, True), (True, False), (False, True)])
def test_merged_labels_are_outputs(stored: bool, transform: bool) -> None:
    dataset = Remapped(lambda label: int(label == 2), stored=stored, transform=transform)
    for names in (("machine", "animal"), None):
        images = load_images(dataset, classes=2, class_names=names)
        assert images.labels is not None
        assert images.labels.tolist() == [0, 0, 1, 1, 0, 0]
        assert images.class_names == names


def test_a_remap_of_one_class_is_noticed() -> None:
    class Many(Remapped):
        classes = tuple(f"class {number}" for number in range(40))  # type: ignore[assignment]

        def __init__(self) -> None:
            super().__init__(lambda label: 0 if label == 13 else label)
            self._labels = list(range(40)) * 2
            self.targets = list(self._labels)

    images = load_images(Many(), classes=40)
    assert images.labels is not None
    assert images.labels.tolist() == [0 if label == 13 else label for label in range(40)] * 2


def test_subsets_of_torchvisions_folder(tmp_path: Path) -> None:
    write(tmp_path, "cat/a.png", "dog/b.png", "owl/c.png")
    dataset = ImageFolder(str(tmp_path), target_transform=lambda label: 2 - label)
    images = load_images(Subset(dataset, [2, 0]), classes=3)
    assert images.labels is not None
    assert images.labels.tolist() == [0, 2]
    assert images.class_names is None or images.class_names == ("owl", "dog", "cat")


def test_names_follow_class_to_idx() -> None:
    class Numbered(Remapped):
        class_to_idx = {"plane": 2, "car": 0, "bird": 1}  # noqa: RUF012

    images = load_images(Numbered(lambda label: label), classes=3)
    assert images.class_names == ("car", "bird", "plane")
