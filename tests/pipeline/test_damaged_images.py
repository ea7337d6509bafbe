"""Runs on folders with damaged files."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.errors import ImagesError

pytestmark = pytest.mark.usefixtures("quick_projection")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures in three class folders, the first file of each class damaged in another way."""
    pictures, labels = color_pictures(wrong=0)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        path = tmp_path / "images" / CLASS_NAMES[label] / f"{index:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, quality=100, subsampling=0)
    damaged = [sorted((tmp_path / "images" / name).iterdir())[0] for name in CLASS_NAMES]
    damaged[0].write_bytes(b"")
    damaged[1].write_bytes(damaged[1].read_bytes()[:-20])
    damaged[2].write_text("<html>404</html>")
    return tmp_path / "images"


def damaged_ids(folder: Path) -> list[str]:
    return sorted(str(sorted((folder / name).iterdir())[0].relative_to(folder)) for name in CLASS_NAMES)


@pytest.mark.parametrize("labeled", [True, False])
def test_damaged_files_are_left_out_and_named(tmp_path: Path, folder: Path, labeled: bool) -> None:
    names = damaged_ids(folder)
    if not labeled:
        flat = tmp_path / "flat"
        flat.mkdir()
        for path in folder.glob("*/*"):
            path.rename(flat / path.name)
        folder, names = flat, sorted(Path(name).name for name in names)
    record = vn.analyze(color_net(), folder, out=tmp_path / "r.zarr", class_names=CLASS_NAMES, progress=False)
    info = record.info()
    assert info["images"] == 21
    assert info["pairs"] > 0
    message = f"3 of 24 images are left out, because they cannot be decoded: {', '.join(names)}."
    assert message in info["notes"]
    assert not set(names) & set(record.run_images["image_id"])
    assert not record.validate().problems


def test_a_limit_counts_sound_images_only(tmp_path: Path, folder: Path) -> None:
    record = vn.analyze(
        color_net(), folder, out=tmp_path / "r.zarr", class_names=CLASS_NAMES, limit=2, progress=False
    )
    assert record.run_images["true_label"].value_counts().to_dict() == dict.fromkeys(CLASS_NAMES, 2)


def test_mostly_damaged_folders_are_refused(tmp_path: Path, folder: Path) -> None:
    for path in list(folder.glob("*/*"))[:-4]:
        path.write_bytes(b"")
    with pytest.raises(ImagesError, match=r"cannot be decoded .* more of 24 images cannot be decoded either"):
        vn.analyze(color_net(), folder, out=tmp_path / "r.zarr", class_names=CLASS_NAMES, progress=False)
    assert not (tmp_path / "r.zarr").exists()


def test_damaged_adversarial_images_are_left_out_with_their_pairs(tmp_path: Path, folder: Path) -> None:
    adversarials = tmp_path / "adversarials"
    for path in folder.glob("*/*"):
        target = adversarials / path.relative_to(folder).with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        if str(path.relative_to(folder)) in damaged_ids(folder):
            Image.new("RGB", (12, 12)).save(target)
            continue
        pixels = np.asarray(Image.open(path)).astype(int)
        weakened = pixels - 40 * np.eye(3, dtype=int)[CLASS_NAMES.index(path.parent.name)]
        Image.fromarray(weakened.clip(0, 255).astype(np.uint8)).save(target)
    broken = next(path for path in sorted(adversarials.glob("*/*.png"))[1:])
    broken.write_bytes(broken.read_bytes()[:-40])
    record = vn.analyze(
        color_net(),
        folder,
        out=tmp_path / "r.zarr",
        class_names=CLASS_NAMES,
        adversarials=adversarials,
        progress=False,
    )
    assert record.info()["images"] == 20
    assert broken.stem in json.dumps(record.info()["notes"])


def test_names_that_are_not_utf8_are_kept_in_the_record(tmp_path: Path) -> None:
    pictures, labels = color_pictures(wrong=0)
    root = tmp_path / b"bilder_\xe4".decode("utf-8", "surrogateescape")
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        path = root / CLASS_NAMES[label] / f"{index}_\udcff.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    record = vn.analyze(color_net(), root, out=tmp_path / "r.zarr", class_names=CLASS_NAMES, progress=False)
    assert record.complete
    assert set(record.run_images["image_id"].str.endswith("_\\xff.png")) == {True}
    assert record.info()["images_from"]["spec"].endswith("bilder_\\xe4")
