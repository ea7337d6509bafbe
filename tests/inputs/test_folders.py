"""Folders of image files."""

import io
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.models
from PIL import Image
from torchvision.datasets import ImageFolder

from inputs.loading import load_images
from vulneuron.errors import ImagesError
from vulneuron.inputs.folders import FolderSource
from vulneuron.inputs.images import open_images
from vulneuron.inputs.preprocessing import Preprocessing


def write(path: Path, size: tuple[int, int] = (8, 8), seed: int | None = None, mode: str = "RGB") -> None:
    """Write noise that depends only on the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(sum(map(ord, path.name)) if seed is None else seed)
    noise = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(path)


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    root = tmp_path / "animals"
    for name in (
        "dog/2.png",
        "dog/10.JPEG",
        "dog/more/deep/a.png",
        "cat/b.jpg",
        "cat/.hidden.png",
        ".git/x.png",
    ):
        write(root / name)
    (root / "cat" / "notes.txt").write_text("no image")
    (root / "readme.md").write_text("no image")
    return root


def test_class_folders_give_labels_and_names(animals: Path) -> None:
    images = load_images(animals, classes=2)
    assert images.spec == str(animals)
    assert list(images.ids) == ["cat/b.jpg", "dog/10.JPEG", "dog/2.png", "dog/more/deep/a.png"]
    assert images.labels is not None
    assert images.labels.dtype == np.int64
    assert images.labels.tolist() == [0, 1, 1, 1]
    assert images.class_names == ("cat", "dog")
    assert images.shape == (3, 8, 8)
    assert len(images) == 4


def test_folders_are_labeled_in_the_order_of_the_class_names(animals: Path) -> None:
    images = load_images(str(animals), classes=3, class_names=("Dog", "owl", "CAT"))
    assert images.labels is not None
    assert images.labels.tolist() == [2, 0, 0, 0]
    assert images.class_names == ("Dog", "owl", "CAT")


def test_explicit_labels_take_precedence(animals: Path) -> None:
    images = load_images(animals, classes=10, labels=[9, 8, 7, 6])
    assert images.labels is not None
    assert images.labels.tolist() == [9, 8, 7, 6]
    assert images.class_names is None


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "empty"):
        write(tmp_path / name) if "." in name else (tmp_path / name).mkdir()
    images = load_images(tmp_path, classes=2, class_names=("x", "y"))
    assert list(images.ids) == ["a.jpg", "b.png"]
    assert images.labels is None
    assert images.class_names == ("x", "y")


def test_images_are_loaded_in_the_requested_order(animals: Path) -> None:
    images = load_images(animals, classes=2)
    pixels = images.load([3, 0, 3])
    assert pixels.dtype == np.float32
    for row, name in enumerate(["dog/more/deep/a.png", "cat/b.jpg", "dog/more/deep/a.png"]):
        expected = np.asarray(Image.open(animals / name), np.float32).transpose(2, 0, 1) / 255
        np.testing.assert_array_equal(pixels[row], expected)
    assert images.load(np.array([], dtype=np.int64)).shape == (0, 3, 8, 8)


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0"])
def test_equals_torchvisions_folder_and_transforms(tmp_path: Path, name: str) -> None:
    sizes = [(300, 240), (200, 333), (256, 256), (500, 260)]
    modes = ["RGB", "L", "CMYK", "RGB"]
    for index, (size, mode) in enumerate(zip(sizes, modes, strict=True)):
        write(tmp_path / f"class{index % 3}" / f"{index}.jpg", size, mode=mode)
    write(tmp_path / "class1" / "palette.png", (224, 224), mode="P")
    transform = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    reference = ImageFolder(tmp_path, transform)
    size, resize = transform.crop_size[0], transform.resize_size[0]
    preprocessing = Preprocessing(size, size, resize, transform.interpolation.value)
    images = load_images(tmp_path, classes=3, preprocessing=preprocessing)
    assert [str(tmp_path / name) for name in images.ids] == [path for path, _ in reference.samples]
    assert images.labels is not None
    assert images.labels.tolist() == reference.targets
    assert images.class_names == tuple(reference.classes)
    assert images.shape == (3, size, size)
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (transform.mean, transform.std))
    ours = (torch.from_numpy(images.load(range(len(images)))) - mean) / std
    torch.testing.assert_close(ours, torch.stack([pixels for pixels, _ in reference]), rtol=0, atol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_files_of_mixed_modes(tmp_path: Path, channels: int) -> None:
    for mode in ("1", "L", "LA", "P", "RGBA"):
        write(tmp_path / f"{mode}.png", mode=mode)
    Image.fromarray(np.full((8, 8), 65535, np.uint16)).save(tmp_path / "deep.png")
    pixels = load_images(tmp_path, classes=2, channels=channels).load(range(6))
    assert pixels.shape == (6, channels, 8, 8)
    assert (pixels[5] == 1).all()


def test_deep_gray_images_with_preprocessing_stay_in_range(tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 2, (40, 40)).astype(np.uint16) * 65535
    Image.fromarray(gray).save(tmp_path / "deep.png")
    pixels = load_images(tmp_path, classes=2, preprocessing=Preprocessing(20, 20, 24, "lanczos")).load([0])
    assert pixels.shape == (1, 3, 20, 20)
    assert pixels.min() >= 0
    assert pixels.max() <= 1


def test_mixed_sizes_need_an_image_size(tmp_path: Path) -> None:
    write(tmp_path / "a.png", (8, 9))
    write(tmp_path / "b.png", (20, 30))
    images = load_images(tmp_path, classes=2)
    with pytest.raises(
        ImagesError, match=r"b\.png of 20x30 .* images of 8x9\. Allowed: .* Pass the size .*--image-size 224"
    ):
        images.load([0, 1])
    fitted = load_images(tmp_path, classes=2, preprocessing=Preprocessing(8, 8))
    assert fitted.load([0, 1]).shape == (2, 3, 8, 8)


def test_loading_names_damaged_images(animals: Path) -> None:
    (animals / "dog" / "2.png").write_bytes(b"damaged")
    images = load_images(animals, classes=2)
    images.load([0, 1, 3])
    with pytest.raises(ImagesError, match=r"dog/2\.png, which cannot be decoded"):
        images.load(range(4))


def test_damaged_images_are_found(animals: Path) -> None:
    images = load_images(animals, classes=2)
    assert not images.faults(range(4))
    (animals / "dog" / "2.png").write_bytes(b"damaged")
    assert not images.faults(np.array([0, 1, 3]))
    (animals / "cat" / "b.jpg").write_bytes(b"")
    (animals / "dog" / "more" / "deep" / "a.png").unlink()
    faults = images.faults(range(4))
    assert list(faults) == [0, 2, 3]
    assert "dog/2.png, which cannot be decoded (Unid" in str(faults[2])


@pytest.mark.parametrize("size", [64, (100, 40)])
@pytest.mark.parametrize(
    ("suffix", "save"),
    [
        ("jpg", {}),
        ("jpg", {"progressive": True}),
        ("jpg", {"quality": 100, "subsampling": 0}),
        *((suffix, {}) for suffix in ("png", "webp", "gif", "bmp", "tif", "tga", "jp2")),
    ],
)
def test_truncated_files_are_found(
    tmp_path: Path, suffix: str, save: dict[str, Any], size: int | tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*np.broadcast_to(size, 2), 3), dtype=np.uint8)
    # The metadata contain a complete image of their own.
    thumbnail = io.BytesIO()
    Image.fromarray(noise[:8, :8]).save(thumbnail, "JPEG")
    comment: dict[str, Any] = {"comment": thumbnail.getvalue()} if suffix == "jpg" else {}
    for name in ("a", "b", "c", "d", "e"):
        Image.fromarray(noise).save(tmp_path / f"{name}.{suffix}", **save, **comment)
    content = (tmp_path / f"a.{suffix}").read_bytes()
    (tmp_path / f"b.{suffix}").write_bytes(content[: len(content) // 2])
    (tmp_path / f"c.{suffix}").write_bytes(content[: -len(content) // 20])
    (tmp_path / f"d.{suffix}").write_bytes(content[:3])
    (tmp_path / f"e.{suffix}").write_bytes(content + b"appended")
    images = load_images(tmp_path, classes=2)
    faults = images.faults(range(5))
    decodable = []
    for index in range(5):
        try:
            images.load([index])
            decodable.append(index)
        except ImagesError:
            assert index in faults
    assert sorted({*range(5)} - {*faults}) == decodable
    assert {1, 3} <= {*faults}


def test_images_of_another_size_are_found_before_they_are_loaded(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", (8, 6))
    write(tmp_path / "b.png", (8, 6))
    rotated = Image.Exif()
    rotated[0x0112] = 6
    Image.new("RGB", (8, 6)).save(tmp_path / "c.jpg", exif=rotated)
    assert not load_images(tmp_path, classes=2).faults(range(3))
    Image.new("RGB", (6, 8)).save(tmp_path / "c.jpg", exif=rotated)
    with pytest.raises(ImagesError, match=r"c\.jpg of 6x8 pixels, but other images of 8x6"):
        load_images(tmp_path, classes=2).faults(range(3))
    assert not load_images(tmp_path, classes=2, preprocessing=Preprocessing(4, 4)).faults(range(3))


def test_a_source_reuses_its_threads(animals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pools = []
    original = ThreadPoolExecutor.__init__

    def counted(pool: ThreadPoolExecutor, *arguments: Any) -> None:
        pools.append(pool)
        original(pool, *arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "__init__", counted)
    source = open_images(animals)
    for _ in range(5):
        source.load(range(4))
    assert len(pools) == 1


def test_fingerprints_cover_the_contents(tmp_path: Path) -> None:
    write(tmp_path / "a" / "0.bmp", seed=1)
    write(tmp_path / "b" / "0.bmp", seed=2)
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    prints = [open_images(tmp_path / name).fingerprint for name in "abc"]
    assert prints[0] == prints[2] != prints[1]


def test_a_file_that_vanishes_is_named(animals: Path) -> None:
    source = open_images(animals)
    (animals / "dog" / "2.png").unlink()
    assert len(source.fingerprint) == 64
    assert "dog/2.png, which cannot be decoded (FileNotFound" in str(source.faults([2])[2])


def test_fingerprint_depends_on_files_and_options(animals: Path, tmp_path: Path) -> None:
    def fingerprint(root: Path = animals, **options: object) -> str:
        return load_images(root, classes=2, **options).fingerprint  # type: ignore[arg-type]

    original = fingerprint()
    assert original == fingerprint()
    copy = shutil.copytree(animals, tmp_path / "copy")
    assert fingerprint(copy) == original
    assert fingerprint(preprocessing=Preprocessing(8, 8)) != original
    assert fingerprint(channels=1) != original
    assert fingerprint(class_names=("dog", "cat")) != original
    write(copy / "cat" / "c.png")
    assert fingerprint(copy) != original
    (copy / "cat" / "c.png").unlink()
    assert fingerprint(copy) == original
    write(copy / "cat" / "b.jpg", (9, 9))
    assert fingerprint(copy) != original


def test_links_to_folders_are_followed_without_loops(animals: Path, tmp_path: Path) -> None:
    subset = tmp_path / "subset"
    subset.mkdir()
    (subset / "dog").symlink_to(animals / "dog")
    (animals / "dog" / "loop").symlink_to(animals / "dog")
    (animals / "dog" / "up").symlink_to(animals)
    (animals / "dog" / "gone.png").symlink_to(animals / "nowhere.png")
    expected = ["dog/10.JPEG", "dog/2.png", "dog/more/deep/a.png", "dog/up/cat/b.jpg"]
    assert list(open_images(subset).ids) == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, r"which does not exist\. Allowed: a folder .* Check the path"),
        (
            lambda root: root.mkdir(),
            r"which contains no images\. Allowed: images .*\(\.jpg, .*\), or .* Check",
        ),
        (lambda root: (root / "cat").mkdir(parents=True), "which contains no images"),
        (lambda root: root.write_text("x"), r"which is a file\. Allowed: .* Name the folder"),
    ],
)
def test_bad_folders_are_refused(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    make(tmp_path / "images")
    with pytest.raises(ImagesError, match=rf"images', {message}"):
        load_images(tmp_path / "images", classes=2)


def test_all_formats_that_pillow_decodes_are_read(tmp_path: Path) -> None:
    names = [
        f"{index}.{suffix}" for index, suffix in enumerate(("jp2", "tga", "pcx", "QOI", "dib", "pnm", "jpe"))
    ]
    for name in names:
        write(tmp_path / name)
    images = open_images(tmp_path)
    assert list(images.ids) == names
    assert images.notes == ()
    assert not images.faults(range(len(names)))


def test_files_left_out_are_counted_and_named(tmp_path: Path) -> None:
    write(tmp_path / "cat" / "a.png")
    for name in ("b.heic", "c.HEIC", "d.cr2", "film.mp4", "readme.txt", "Thumbs.db", "noname"):
        (tmp_path / "cat" / name).write_bytes(b"x")
    (tmp_path / "cat" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "dog").symlink_to(tmp_path / "no_such_folder")
    (note,) = open_images(tmp_path).notes
    assert note == (
        "7 files are left out: 1 .cr2 (cat/d.cr2), 2 .heic (cat/b.heic, cat/c.HEIC), 1 .mp4 (cat/film.mp4), "
        "2 broken links (dog, cat/gone.jpg), 1 without an extension (cat/noname)."
    )


def test_a_folder_of_unsupported_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.heic").write_bytes(b"x")
    with pytest.raises(ImagesError, match=r"no images \(1 file is left out: 1 \.heic \(b\.heic\)\).*Convert"):
        open_images(tmp_path)


def test_a_damaged_first_image_does_not_prevent_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"damaged")
    write(tmp_path / "b.png")
    images = open_images(tmp_path)
    assert images.shape == (3, 8, 8)
    assert list(images.faults([0, 1])) == [0]


def test_images_beside_class_folders_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "cat/c.png"):
        write(tmp_path / name)
    message = r"which mixes 2 images with the class folder 'cat'\. Allowed: either one sub-folder .* Move"
    with pytest.raises(ImagesError, match=message):
        load_images(tmp_path, classes=2)


def test_an_unreadable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", scandir)
    with pytest.raises(ImagesError, match=r"cannot be read \(PermissionError.* Allowed: .* permissions"):
        FolderSource(tmp_path, 3, None)


def test_class_folders_that_do_not_fit_the_model_are_refused(animals: Path) -> None:
    with pytest.raises(
        ImagesError, match=r"2 sub-folders for a model with 10 outputs .*\(cat, dog\).*--class-names"
    ):
        load_images(animals, classes=10)
    with pytest.raises(ImagesError, match=r"1 are not class names \(cat\)"):
        load_images(animals, classes=2, class_names=("dog", "wolf"))
    with pytest.raises(ImagesError, match="3 class names for a model with 2 outputs"):
        load_images(animals, classes=2, class_names=("cat", "dog", "owl"))
    with pytest.raises(ImagesError, match="3 labels for 4 images"):
        load_images(animals, classes=2, labels=[0, 1, 1])
