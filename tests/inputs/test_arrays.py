"""Images in arrays and NumPy files."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inputs.loading import load_images
from vulneuron.errors import ImagesError
from vulneuron.inputs.images import open_images
from vulneuron.inputs.preprocessing import Preprocessing

RGB = np.random.default_rng(0).integers(0, 256, (3, 8, 9, 3), dtype=np.uint8)
EXPECTED = RGB.transpose(0, 3, 1, 2).astype(np.float32) / 255


@pytest.mark.parametrize("array", [RGB, EXPECTED, torch.from_numpy(EXPECTED), EXPECTED.astype(np.float64)])
def test_arrays_keep_their_pixels(array: np.ndarray | torch.Tensor) -> None:
    images = load_images(array, classes=5, labels=[4, 0, 1])
    assert images.spec == f"{type(array).__name__} {tuple(array.shape)}"
    assert list(images.ids) == ["0", "1", "2"]
    assert images.labels is not None
    assert images.labels.tolist() == [4, 0, 1]
    assert images.class_names is None
    assert images.shape == (3, 8, 9)
    np.testing.assert_array_equal(images.load([2, 0]), EXPECTED[[2, 0]])


def test_labels_come_in_a_tuple_or_are_missing() -> None:
    assert load_images(RGB, classes=5).labels is None
    labels = load_images((RGB, torch.tensor([1, 2, 3])), classes=5).labels
    assert labels is not None
    assert labels.tolist() == [1, 2, 3]


def test_gray_images_are_repeated_for_rgb_models() -> None:
    images = load_images(RGB[:2, ..., 0], classes=5)
    np.testing.assert_array_equal(images.load([1]), EXPECTED[1:2, :1].repeat(3, axis=1))
    assert load_images(RGB[..., 0], classes=5, channels=1).load([0]).shape == (1, 1, 8, 9)


def test_only_arrays_of_another_size_are_preprocessed() -> None:
    images = load_images(RGB, classes=5, preprocessing=Preprocessing(8, 9, 20))
    np.testing.assert_array_equal(images.load([1]), EXPECTED[1:2])
    assert load_images(RGB, classes=5, preprocessing=Preprocessing(4, 4)).load([0]).shape == (1, 3, 4, 4)


def test_arrays_keep_their_dtype_in_memory() -> None:
    array = np.zeros((600, 16, 16, 3), np.uint8)
    images = load_images(array, classes=2)
    array[599] = 255
    assert images.load([599]).min() == 1


def test_fingerprint_depends_on_pixels_and_options() -> None:
    def fingerprint(array: np.ndarray, **options: object) -> str:
        return load_images(array, classes=5, **options).fingerprint  # type: ignore[arg-type]

    other = RGB.copy()
    other[2, 7, 8, 2] ^= 1
    original = fingerprint(RGB)
    assert original == fingerprint(RGB.copy()) == fingerprint(np.asfortranarray(RGB))
    different = [
        fingerprint(other),
        fingerprint(RGB, labels=[0, 1, 2]),
        fingerprint(RGB, labels=[0, 1, 3]),
        fingerprint(RGB, preprocessing=Preprocessing(4, 4)),
    ]
    assert len({original, *different}) == 5


def test_one_bad_image_anywhere_is_refused_at_once() -> None:
    array = np.zeros((600, 3, 4, 4), np.float32)
    array[599, 0, 0, 0] = 1.5
    with pytest.raises(ImagesError, match=r"from 0 to 1\.5\. Allowed: .*\[0, 1\]"):
        load_images(array, classes=2)
    array[599, 0, 0, 0] = np.nan
    with pytest.raises(ImagesError, match="1 pixels that are NaN"):
        load_images(array, classes=2)


@pytest.mark.parametrize(
    ("source", "labels", "message"),
    [
        (RGB, [0, 1], "2 labels for 3 images"),
        (RGB, [0.0, 1.0, 2.0], r"labels of shape \(3,\) and dtype float64\. Allowed: one integer .*astype"),
        (RGB, np.eye(3), r"labels of shape \(3, 3\) and dtype float64\. .* one-hot labels .* \.argmax\(1\)"),
        (RGB, [[0], [1, 2], [0]], r"labels of shape \(\) and dtype object\. Allowed: one integer per image"),
        (RGB, [0, 1, -1], "the labels go down to -1 but the model has 10 outputs"),
        (RGB, [0, 1, 11], "the labels go up to 11 but the model has 10 outputs"),
        ((RGB, [0, 1]), None, "2 labels for 3 images"),
        ((list(RGB), [0, 1, 2]), None, r"tuple of list and list\. Allowed: \(images, labels\).* Stack"),
        (RGB[:0], None, "contains no image"),
        (RGB.astype(np.int64), None, "dtype int64"),
        (RGB[0], None, "does not fit|single image"),
    ],
)
def test_bad_arrays_are_refused(source: object, labels: object, message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        load_images(source, classes=10, labels=labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_only_floats_are_checked_pixel_by_pixel(dtype: type[np.integer[Any]]) -> None:
    array = np.zeros((256, 3, 32, 32), dtype)
    tracemalloc.start()
    open_images(array)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < array.size * np.dtype(np.float32).itemsize / 2


def test_npz_with_labels_and_class_names(tmp_path: Path) -> None:
    path = tmp_path / "images.npz"
    np.savez(path, images=RGB, labels=np.array([1, 0, 1]), class_names=np.array(["cat", "dog"]))
    images = load_images(path, classes=2)
    assert images.spec == str(path)
    assert images.labels is not None
    assert images.labels.tolist() == [1, 0, 1]
    assert images.class_names == ("cat", "dog")
    np.testing.assert_array_equal(images.load([0, 1, 2]), EXPECTED)
    # Labels are mapped to outputs by name.
    swapped = load_images(str(path), classes=3, class_names=("dog", "owl", "cat"))
    assert swapped.labels is not None
    assert swapped.labels.tolist() == [0, 2, 0]


def test_npz_with_only_images(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "images.npz", images=RGB)
    images = load_images(tmp_path / "images.npz", classes=2)
    assert images.labels is None
    assert images.class_names is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"z": RGB},
            r"with the arrays z\. Allowed: a file with the array images and, optionally, .* Save",
        ),
        ({}, "with the arrays none"),
        (
            {"images": np.array([{}], dtype=object)},
            r"cannot be read \(ValueError: Object arrays.* no Python objects",
        ),
        ({"images": RGB, "labels": np.array([1, "a", None], dtype=object)}, "no Python objects"),
        ({"images": RGB, "labels": np.array([1.0, 0, 1])}, "dtype float64"),
        ({"images": RGB, "labels": np.array([1, 0])}, "2 labels for 3 images"),
        (
            {"images": RGB, "class_names": np.array([1, 2])},
            r"class_names of shape \(2,\) .* Allowed: one string",
        ),
    ],
)
def test_bad_npz_files_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    path = tmp_path / "images.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    with pytest.raises(ImagesError, match=message):
        load_images(path, classes=2)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04cut", b"text"])
def test_damaged_npz_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "images.npz"
    path.write_bytes(content)
    with pytest.raises(ImagesError, match=r"images\.npz', which cannot be read .* Allowed: a complete file"):
        load_images(path, classes=2)
