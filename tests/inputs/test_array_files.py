"""Images and labels in files of arrays, with and without splits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from inputs.loading import load_images
from vulneuron.errors import ImagesError
from vulneuron.inputs.images import open_images

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 2, 1, 0])


def check(path: Path | str, images: np.ndarray = IMAGES, labels: np.ndarray = LABELS) -> None:
    loaded = load_images(path, classes=3)
    expected = images.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(loaded.load(range(len(images))), expected)
    assert loaded.labels is not None
    assert loaded.labels.tolist() == labels.tolist()


def test_plain_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    torch.save(torch.from_numpy(IMAGES), tmp_path / "b.pt")
    for name in ("a.npy", "b.pt"):
        source = open_images(str(tmp_path / name))
        assert len(source) == 6
        assert source.own_labels.values is None


def test_images_with_labels(tmp_path: Path) -> None:
    tensors = {"images": torch.from_numpy(IMAGES), "labels": torch.from_numpy(LABELS)}
    torch.save(tensors, tmp_path / "a.pt")
    torch.save(tuple(tensors.values()), tmp_path / "b.pth")
    save_file({"images": IMAGES, "labels": LABELS}, tmp_path / "c.safetensors")
    np.savez(tmp_path / "d.npz", x=IMAGES, y=LABELS)
    np.savez_compressed(tmp_path / "e.NPZ", images=IMAGES, labels=LABELS[:, None])
    (tmp_path / "e.NPZ.npz").rename(tmp_path / "e.NPZ")
    for name in ("a.pt", "b.pth", "c.safetensors", "d.npz", "e.NPZ"):
        check(tmp_path / name)


@pytest.mark.parametrize(
    "form", [("{split}_images", "{split}_labels"), ("x_{split}", "y_{split}")], ids=["MedMNIST", "Keras"]
)
def test_files_with_splits(tmp_path: Path, form: tuple[str, str]) -> None:
    path = tmp_path / "bloodmnist.npz"
    arrays = {}
    for start, split in enumerate(("train", "test")):
        arrays[form[0].format(split=split)] = IMAGES[start:]
        arrays[form[1].format(split=split)] = LABELS[start:, None].astype(np.uint8)
    np.savez(path, **arrays)  # type: ignore[arg-type]
    check(path, IMAGES[1:], LABELS[1:])
    assert open_images(path).notes == ("The images are those of the split test, out of test, train.",)
    check(f"{path}?split=train")
    assert open_images(f"{path}?split=train").spec == f"{path}?split=train"
    with pytest.raises(ImagesError, match=r"the split 'val'\. Allowed: .*\?split=test, \?split=train"):
        open_images(f"{path}?split=val")
    with pytest.raises(ImagesError, match=r"option 'part=x'"):
        open_images(f"{path}?part=x")


def test_several_labels_per_image_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "chest.npz", test_images=IMAGES, test_labels=np.zeros((6, 14), np.uint8))
    with pytest.raises(ImagesError, match=r"labels of shape \(6, 14\)"):
        open_images(tmp_path / "chest.npz")


@pytest.mark.parametrize("suffix", ["npz", "npy", "pt", "pth", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04cut", b"text", b"\x93NUMPY\x01\x00", b"\x80\x02."])
def test_damaged_files_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"images.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ImagesError, match=rf"images\.{suffix}', which cannot be read .* Allowed: a complete"):
        open_images(path)
