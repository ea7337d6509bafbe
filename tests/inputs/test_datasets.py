"""Map-style data sets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset
from torchvision.datasets import FakeData, ImageFolder
from torchvision.transforms import v2

from inputs.loading import load_images
from vulneuron.errors import ImagesError
from vulneuron.inputs.preprocessing import Preprocessing

RGB = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
EXPECTED = RGB.transpose(0, 3, 1, 2).astype(np.float32) / 255
LABELS = [1, 0, 2, 1]


class Items(Dataset[Any]):
    """Items from a function, counting reads."""

    def __init__(self, make: Callable[[int], Any], count: int = 4, **attributes: object) -> None:
        self.make, self.count, self.reads = make, count, 0
        for name, value in attributes.items():
            setattr(self, name, value)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < self.count:
            raise IndexError(index)
        self.reads += 1
        return self.make(index)


def labeled(image: Callable[[int], Any]) -> Items:
    return Items(lambda index: (image(index), LABELS[index]))


@pytest.mark.parametrize(
    "image",
    [
        lambda index: Image.fromarray(RGB[index]),
        lambda index: Image.fromarray(RGB[index]).convert("RGBA"),
        lambda index: RGB[index],
        lambda index: torch.from_numpy(RGB[index]),
        lambda index: torch.from_numpy(EXPECTED[index]),
        lambda index: EXPECTED[index].astype(np.float64),
        lambda index: torch.from_numpy(RGB[index]).permute(2, 0, 1),
    ],
)
def test_images_of_any_type_give_the_same_pixels(image: Callable[[int], Any]) -> None:
    images = load_images(labeled(image), classes=3)
    assert images.spec == "Items"
    assert images.shape == (3, 8, 8)
    assert list(images.ids) == ["0", "1", "2", "3"]
    assert images.labels is not None
    assert images.labels.dtype == np.int64
    assert images.labels.tolist() == LABELS
    np.testing.assert_allclose(images.load([3, 1]), EXPECTED[[3, 1]], atol=1e-7)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "image",
    [
        lambda index: Image.fromarray(RGB[index, ..., 0]),
        lambda index: RGB[index, ..., 0],
        lambda index: torch.from_numpy(EXPECTED[index, :1]),
    ],
)
def test_gray_images_for_gray_and_rgb_models(image: Callable[[int], Any], channels: int) -> None:
    images = load_images(labeled(image), classes=3, channels=channels)
    np.testing.assert_array_equal(images.load([2]), EXPECTED[2:3, :1].repeat(channels, axis=1))


@pytest.mark.parametrize("make", [lambda index: RGB[index], lambda index: (RGB[index],)])
def test_items_may_have_no_labels(make: Callable[[int], Any]) -> None:
    images = load_images(Items(make), classes=3)
    assert images.labels is None
    np.testing.assert_array_equal(images.load(range(4)), EXPECTED)


def test_items_may_have_more_than_a_label() -> None:
    images = load_images([(RGB[i], LABELS[i], "more") for i in range(4)], classes=3)
    assert images.labels is not None
    assert images.labels.tolist() == LABELS


@pytest.mark.parametrize("label", [np.int32(1), torch.tensor(1), torch.tensor([1]), np.array([1]), True])
def test_labels_may_be_any_integer_type(label: object) -> None:
    labels = load_images(Items(lambda index: (RGB[index], label)), classes=3).labels
    assert labels is not None
    assert labels.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("name", ["targets", "labels"])
@pytest.mark.parametrize("convert", [list, np.array, torch.tensor])
def test_stored_labels_avoid_a_pass_over_the_items(name: str, convert: Callable[[Any], Any]) -> None:
    stored = [index % 3 for index in range(500)]
    attributes = {name: convert(stored)}
    dataset = Items(lambda index: (RGB[index % 4], stored[index]), 500, **attributes)
    labels = load_images(dataset, classes=3).labels
    assert labels is not None
    assert labels.tolist() == stored
    assert dataset.reads < 50


@pytest.mark.parametrize(
    "targets",
    [[0, 0, 0, 0], [1, 0, 2], [[1], [0], [2], [1]], [[1], [0, 2], [1], []], ["1"] * 4, "1021", None],
)
def test_stored_labels_that_disagree_with_the_items_are_ignored(targets: object) -> None:
    dataset = Items(lambda index: (RGB[index], LABELS[index]), targets=targets)
    labels = load_images(dataset, classes=3).labels
    assert labels is not None
    assert labels.tolist() == LABELS


def test_subsets_of_subsets_use_the_stored_labels() -> None:
    stored = [index % 3 for index in range(100)]
    dataset = Items(
        lambda index: (RGB[index % 4], stored[index]), 100, targets=stored, classes=["a", "b", "c"]
    )
    subset = Subset(Subset(dataset, list(range(99, -1, -1))), [0, 1, 50])
    images = load_images(subset, classes=3)
    assert images.labels is not None
    assert images.labels.tolist() == [stored[99], stored[98], stored[49]]
    assert images.class_names == ("a", "b", "c")
    np.testing.assert_array_equal(images.load([0, 2]), EXPECTED[[99 % 4, 49 % 4]])
    assert dataset.reads < 30


def test_class_names_come_from_the_data_set() -> None:
    dataset = Items(lambda index: (RGB[index], LABELS[index]), classes=[("tench", "Tinca"), "cat", "dog"])
    assert load_images(dataset, classes=3).class_names == ("tench, Tinca", "cat", "dog")
    images = load_images(dataset, classes=4, class_names=("dog", "Cat", "owl", "tench"))
    assert images.labels is not None
    assert images.labels.tolist() == [1, 3, 0, 1]
    with pytest.raises(ImagesError, match=r"3 classes of the data set for a model with 1000 outputs .*cat"):
        load_images(dataset, classes=1000)
    assert load_images(Items(dataset.make, classes=[1, 2, 3]), classes=3).class_names is None


def test_torchvision_and_tensor_data_sets(tmp_path: Path) -> None:
    for index in range(4):
        folder = tmp_path / f"class{LABELS[index]}"
        folder.mkdir(exist_ok=True)
        Image.fromarray(RGB[index]).save(folder / f"{index}.png")
    images = load_images(ImageFolder(tmp_path), classes=3)
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1, 1, 2]
    assert images.class_names == ("class0", "class1", "class2")
    np.testing.assert_array_equal(images.load([0, 1, 2, 3]), EXPECTED[[1, 0, 3, 2]])
    tensors = TensorDataset(torch.from_numpy(EXPECTED), torch.tensor(LABELS))
    labels = load_images(tensors, classes=3).labels
    assert labels is not None
    assert labels.tolist() == LABELS
    assert load_images(TensorDataset(torch.from_numpy(EXPECTED)), classes=3).labels is None


def test_images_are_preprocessed() -> None:
    transform = v2.Compose([v2.Resize(6), v2.CenterCrop(4)])
    dataset = labeled(lambda index: Image.fromarray(RGB[index]))
    got = load_images(dataset, classes=3, preprocessing=Preprocessing(4, 4, 6)).load([0])
    expected = np.asarray(transform(Image.fromarray(RGB[0])), np.float32).transpose(2, 0, 1) / 255
    np.testing.assert_array_equal(got[0], expected)
    arrays = load_images(labeled(lambda index: RGB[index]), classes=3, preprocessing=Preprocessing(8, 8, 20))
    np.testing.assert_array_equal(arrays.load([0]), EXPECTED[:1])


def test_fingerprint_depends_on_pixels_and_options() -> None:
    def fingerprint(scale: int = 1, **options: object) -> str:
        return load_images(labeled(lambda index: RGB[index] // scale), classes=3, **options).fingerprint  # type: ignore[arg-type]

    original = fingerprint()
    different = [fingerprint(2), fingerprint(preprocessing=Preprocessing(4, 4)), fingerprint(labels=[0] * 4)]
    assert original == fingerprint()
    assert len({original, *different}) == 4


def test_random_transforms_are_refused() -> None:
    dataset = FakeData(20, (3, 8, 8), 3, transform=v2.RandomHorizontalFlip())
    message = (
        r"FakeData, which returns different pixels each time .* Allowed: .* without random transforms\. Use"
    )
    with pytest.raises(ImagesError, match=message):
        load_images(dataset, classes=3)
    assert load_images(FakeData(20, (3, 8, 8), 3), classes=3).shape == (3, 8, 8)


def fails(index: int) -> Any:
    raise RuntimeError("first line\nsecond line")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (fails, r"whose item 0 raised RuntimeError: first line second line\. Allowed: .* Fix"),
        (
            lambda index: {"picture": RGB[index]},
            r"item 0 has a dict as its image\. Allowed: a map-style .* Wrap it",
        ),
        (lambda index: ("a.png", 0), r"has a str as its image"),
        (lambda index: (RGB, 0), r"has a ndarray of shape \(4, 8, 8, 3\) as its image"),
        (lambda index: (RGB[index] * 1.0, 0), r"in item 0 of Items: given pixels from 0 to 249\. .* Divide"),
        (
            lambda index: (EXPECTED[index] - 0.5, 0),
            r"in item 0 of Items: given pixels from -0\.5 .* normalization",
        ),
        (lambda index: (RGB[index][..., :2], 0), r"in item 0 of Items: given images of shape"),
        (
            lambda index: (RGB[index], 0.5),
            r"item 0 has the label 0\.5\. Allowed: integers, or names of classes\. Use",
        ),
        (lambda index: (RGB[index], "cat"), r"whose names are not known \(cat\)"),
        (lambda index: (RGB[index], [0, 1]), r"item 0 has the label \[0, 1\]"),
        (
            lambda index: (RGB[index], torch.tensor([0.0, 1.0])),
            r"item 0 has the label torch\.float32 \(2,\)",
        ),
        (lambda index: (RGB[index], np.eye(1000)[0]), r"item 0 has the label float64 \(1000,\)\. Allowed"),
        (lambda index: (RGB[index], 1.0), r"item 0 has the label 1\.0\. Allowed: integers"),
        (lambda index: (RGB[index], torch.tensor(1.0)), r"item 0 has the label 1\.0\. Allowed: integers"),
        (
            lambda index: (RGB[index], [0.0] * 1000),
            r"item 0 has the label \[0\.0, .*\.\.\.\]\. Allowed",
        ),
        (lambda index: (RGB[index], -1), r"the labels go down to -1 but the model has 3 outputs"),
        (lambda index: (RGB[index], 11), r"the labels go up to 11 but the model has 3 outputs"),
    ],
)
def test_bad_items_are_refused(make: Callable[[int], Any], message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        load_images(Items(make), classes=3)


def test_an_item_that_fails_later_is_named() -> None:
    images = load_images(Items(lambda index: (RGB[index % 4] if index != 9 else None, 0), 99), classes=3)
    with pytest.raises(ImagesError, match=r"item 9 has a NoneType as its image"):
        images.load([8, 9])


def test_mixed_sizes_are_refused() -> None:
    images = load_images(Items(lambda index: (RGB[0][: 8 - index], 0), 4), classes=3)
    with pytest.raises(
        ImagesError, match=r"given 2 of 6x8 pixels, but other images of 8x8\. .* --image-size 224"
    ):
        images.load([0, 2])


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([])


@pytest.mark.parametrize(
    "source",
    [DataLoader(TensorDataset(torch.zeros(1, 3, 8, 8))), Stream(), [], None, 3, Dataset(), {"a": 1}.keys()],
)
def test_other_objects_are_refused(source: object) -> None:
    message = r"empty or not a map-style data set\. Allowed: .* DataLoader, give its \.dataset"
    with pytest.raises(ImagesError, match=message):
        load_images(source, classes=3)
