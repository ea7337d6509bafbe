"""Data sets of torchvision, laid out on disk as torchvision expects them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image

from inputs.loading import load_images
from vulneuron.errors import ImagesError
from vulneuron.inputs.torchvision_datasets import NAMES

DIGITS = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """Write five digits as the test split of MNIST."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, digits, labels in (("train", DIGITS[:1], LABELS[:1]), ("t10k", DIGITS, LABELS)):
        for kind, array in (("images-idx3", digits), ("labels-idx1", labels)):
            header = [0x0800 + array.ndim, *array.shape]
            (raw / f"{split}-{kind}-ubyte").write_bytes(np.array(header, ">i4").tobytes() + array.tobytes())
    return tmp_path


def test_a_data_set_with_train_and_test(mnist: Path) -> None:
    spec = f"torchvision:MNIST?root={mnist}&split=test"
    images = load_images(spec, classes=10, channels=1)
    assert images.spec == spec
    assert images.labels is not None
    assert images.labels.tolist() == LABELS.tolist()
    assert images.class_names is not None
    assert images.class_names[3] == "3 - three"
    np.testing.assert_array_equal(images.load(range(5)), DIGITS[:, None].astype(np.float32) / 255)
    assert len(load_images(f"torchvision:MNIST?root={mnist}&split=train", classes=10)) == 1


def test_a_data_set_with_its_own_splits(tmp_path: Path) -> None:
    food = tmp_path / "food-101"
    (food / "meta").mkdir(parents=True)
    names = {"apple_pie": ["apple_pie/1"], "waffles": ["waffles/2", "waffles/3"]}
    (food / "meta" / "test.json").write_text(json.dumps(names))
    for name in ("apple_pie/1", "waffles/2", "waffles/3"):
        path = food / "images" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 5), "red").save(path)
    images = load_images(f"torchvision:Food101?root={tmp_path}&split=test", classes=2)
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1, 1]
    assert images.class_names == ("apple_pie", "waffles")
    assert images.shape == (3, 5, 6)


def test_every_name_exists() -> None:
    assert all(hasattr(torchvision.datasets, name) for name in NAMES)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("torchvision:CIFAR-10?root=r", r"'CIFAR-10'\. Allowed: CIFAR10, .* Perhaps you mean CIFAR10"),
        ("torchvision:VOCDetection?root=r", r"'VOCDetection'\. Allowed: .* PATH\.py:FUNCTION"),
        ("torchvision:CIFAR10", r"without a root\. Allowed: torchvision:NAME\?root=DIR.* Add \?root=DIR"),
        ("torchvision:CIFAR10?root=r&train=false", r"'train=false' .* Allowed: root=.*split=.*download="),
        ("torchvision:CIFAR10?root=r", r"no split .* Allowed: train, test\. Write"),
        ("torchvision:CIFAR10?root=r&split=val", r"split=val .* Allowed: train, test\."),
        ("torchvision:SVHN?root=r", r"no split .* Allowed: a split of this data set, such as"),
        (
            "torchvision:SVHN?root=r&split=val",
            r"cannot open \(ValueError: .*\. Allowed: a split of SVHN.* Check",
        ),
        ("torchvision:EuroSAT?root=r&split=test", r"split=test .* Allowed: no split"),
        (
            "torchvision:ImageNet?root=r&split=val&download=true",
            r"download=true .* Allowed: .* Download it yourself",
        ),
        ("torchvision:CIFAR10?root=r&split=test&download=x", r"download=x .* Allowed: true or false"),
    ],
)
def test_bad_specs_are_refused(spec: str, message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        load_images(spec, classes=10)


@pytest.mark.parametrize("name", ["CIFAR10", "MNIST", "STL10", "Food101", "GTSRB"])
def test_a_missing_data_set_is_refused(tmp_path: Path, name: str) -> None:
    message = (
        rf"{name}\?root=.* cannot open \(\w+Error: .*\. Allowed: .* root and split, or add &download=true"
    )
    with pytest.raises(ImagesError, match=message):
        load_images(f"torchvision:{name}?root={tmp_path}&split=test", classes=10)


def test_download_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def download(_: object) -> None:
        raise RuntimeError("fetching")

    monkeypatch.setattr(torchvision.datasets.CIFAR10, "download", download)
    with pytest.raises(ImagesError, match=r"cannot open \(RuntimeError: fetching\)"):
        load_images(f"torchvision:CIFAR10?root={tmp_path}&split=test&download=true", classes=10)
