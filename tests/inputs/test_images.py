"""Spec strings of images."""

from pathlib import Path

import numpy as np
import pytest

from inputs.loading import load_images
from vulneuron.errors import ImagesError
from vulneuron.inputs.images import open_images

FILE = """
import numpy as np

IMAGES = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)

def arrays():
    return IMAGES

def pairs():
    return IMAGES, [1, 0]

def dataset():
    return [(image, index) for index, image in enumerate(IMAGES)]

def fails():
    raise OSError("first line\\nsecond line")

def nothing():
    return None
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(("name", "labels"), [("arrays", None), ("pairs", [1, 0]), ("dataset", [0, 1])])
def test_functions_of_a_file_return_images(file: Path, name: str, labels: list[int] | None) -> None:
    images = load_images(f"{file}:{name}", classes=2)
    assert images.spec == f"{file}:{name}"
    assert (None if images.labels is None else images.labels.tolist()) == labels
    expected = np.arange(96, dtype=np.uint8).reshape(2, 3, 4, 4).astype(np.float32) / 255
    np.testing.assert_array_equal(images.load([0, 1]), expected)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (":fails", r"mine\.py:fails', which raised OSError: first line second line\. Allowed: .* Fix"),
        (":nothing", r"images as NoneType, which is empty or not a map-style"),
        (":nowhere", r"'nowhere'.* does not exist"),
    ],
)
def test_bad_files_are_refused(file: Path, rest: str, message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        load_images(f"{file}{rest}", classes=2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nowhere",
            r"nowhere', which does not exist\. Allowed: a folder .*\.npz.*torchvision:.*PATH\.py.* Check",
        ),
        ("nowhere.npz", r"nowhere\.npz', which does not exist"),
        ("mine.py", r"mine\.py', which is a file\. Allowed: .* Name the folder"),
    ],
)
def test_bad_paths_are_refused(file: Path, name: str, message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        load_images(str(file.with_name(name)), classes=2)


def test_images_can_be_opened_before_the_classes_are_known() -> None:
    source = open_images((np.zeros((2, 8, 8, 3), np.uint8), [0, 5]))
    assert source.shape == (3, 8, 8)
    assert len(source) == 2
    labels = source.labeled(6).labels
    assert labels is not None
    assert labels.tolist() == [0, 5]
    with pytest.raises(ImagesError, match="go up to 5 but the model has 5 outputs"):
        source.labeled(5)
