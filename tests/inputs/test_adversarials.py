"""Precomputed adversarial images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vulneuron.errors import ImagesError
from vulneuron.inputs.adversarials import Adversarials, load_adversarials

SHAPE = (3, 6, 4)
IDS = ["cat/0.jpg", "cat/1.jpg", "dog/0.jpg", "dog/b.x.jpeg", "dog/2.png"]


def bytes_(count: int = 5, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def pixels(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) / np.float32(255)


def check(adversarials: Adversarials, expected: np.ndarray) -> None:
    assert len(adversarials) == len(expected)
    for indices in ([0, 1, 2, 3, 4], [3, 0, 3], np.array([2]), []):
        loaded = adversarials.load(indices)
        assert loaded.dtype == np.float32
        assert loaded.shape == (len(indices), *expected.shape[1:])
        np.testing.assert_array_equal(loaded, expected[list(indices)])


@pytest.mark.parametrize("name", ["images", "adversarials"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("floats", [False, True])
def test_npz_files_of_any_layout(tmp_path: Path, name: str, last: bool, floats: bool) -> None:
    array = pixels(bytes_()) if floats else bytes_()
    path = tmp_path / "adversarials.npz"
    save_npz(path, labels=np.arange(5), **{name: array.transpose(0, 2, 3, 1) if last else array})
    adversarials = load_adversarials(str(path), IDS, shape=SHAPE)
    check(adversarials, pixels(bytes_()))
    assert adversarials.spec == str(path)


def test_a_file_with_both_arrays_gives_the_adversarials(tmp_path: Path) -> None:
    path = tmp_path / "adversarials.npz"
    np.savez(path, images=np.zeros((5, *SHAPE), np.uint8), adversarials=bytes_())
    check(load_adversarials(path, IDS, shape=SHAPE), pixels(bytes_()))


@pytest.mark.parametrize("count", [5, 3, 1])
def test_gray_images_without_a_channel_axis(count: int) -> None:
    array = bytes_(count, (1, 6, 4))
    adversarials = load_adversarials(array[:, 0], IDS[:count], shape=(1, 6, 4))
    np.testing.assert_array_equal(adversarials.load(range(count)), pixels(array))
    adversarials = load_adversarials(array[:, 0], IDS[:count], shape=SHAPE)
    np.testing.assert_array_equal(adversarials.load(range(count)), pixels(array).repeat(3, axis=1))


def test_arrays_and_tensors_are_accepted() -> None:
    check(load_adversarials(bytes_(), IDS, shape=SHAPE), pixels(bytes_()))
    check(load_adversarials(torch.from_numpy(pixels(bytes_())), IDS, shape=SHAPE), pixels(bytes_()))
    assert load_adversarials(bytes_(), IDS, shape=SHAPE).spec == "ndarray (5, 3, 6, 4)"


@pytest.mark.parametrize("save_type", ["int", "float"])
def test_files_saved_by_torchattacks(tmp_path: Path, save_type: str) -> None:
    torchattacks = pytest.importorskip("torchattacks", reason="pip install --no-deps torchattacks==3.5.1")
    path = tmp_path / "adversarials.pt"
    attack = torchattacks.VANILA(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(72, 2)))
    images = torch.from_numpy(pixels(bytes_()))
    batches = [
        (images[:3], torch.zeros(3, dtype=torch.int64)),
        (images[3:], torch.ones(2, dtype=torch.int64)),
    ]
    attack.save(batches, save_path=str(path), verbose=False, save_type=save_type)
    adversarials = load_adversarials(path, IDS, shape=SHAPE)
    # torchattacks truncates to whole gray levels.
    expected = pixels((images * 255).byte().numpy()) if save_type == "int" else images.numpy()
    check(adversarials, expected)


def write_folder(root: Path, names: list[str], array: np.ndarray) -> None:
    for name, image in zip(names, array, strict=True):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.transpose(1, 2, 0)).save(path)


def test_a_folder_is_matched_by_the_names_of_the_benign_images(tmp_path: Path) -> None:
    names = ["cat/0.png", "cat/1.bmp", "dog/0.PNG", "dog/b.x.png", "dog/2.png"]
    write_folder(tmp_path, names, bytes_())
    (tmp_path / "dog" / "0.txt").write_text("no image")
    write_folder(tmp_path, ["extra/9.png"], bytes_(1))
    adversarials = load_adversarials(str(tmp_path), IDS, shape=SHAPE)
    check(adversarials, pixels(bytes_()))
    assert adversarials.spec == str(tmp_path)


def test_an_equal_name_is_preferred_to_another_extension(tmp_path: Path) -> None:
    write_folder(tmp_path, ["0.png", "0.bmp"], bytes_(2))
    adversarials = load_adversarials(tmp_path, ["0.bmp", "0.png"], shape=SHAPE)
    np.testing.assert_array_equal(adversarials.load([0, 1]), pixels(bytes_(2))[::-1])


def test_a_folder_is_matched_by_index(tmp_path: Path) -> None:
    write_folder(tmp_path, ["0.png", "1.png"], bytes_(2))
    adversarials = load_adversarials(tmp_path, ["0", "1"], shape=SHAPE)
    np.testing.assert_array_equal(adversarials.load([1]), pixels(bytes_(2))[1:])


def test_gray_files_for_a_gray_network(tmp_path: Path) -> None:
    write_folder(tmp_path, ["0.png"], bytes_(1, (1, 6, 4)).repeat(3, axis=1))
    adversarials = load_adversarials(tmp_path, ["0.png"], shape=(1, 6, 4))
    np.testing.assert_array_equal(adversarials.load([0]), pixels(bytes_(1, (1, 6, 4))))


def test_fingerprints_change_with_the_images(tmp_path: Path) -> None:
    other = bytes_()
    other[4, 0, 0, 0] ^= 1
    first = load_adversarials(bytes_(), IDS, shape=SHAPE).fingerprint
    assert load_adversarials(bytes_(), IDS, shape=SHAPE).fingerprint == first
    assert load_adversarials(other, IDS, shape=SHAPE).fingerprint != first
    write_folder(tmp_path / "a", IDS[-1:], bytes_(1))
    write_folder(tmp_path / "b", IDS[-1:], bytes_(1))
    write_folder(tmp_path / "c", IDS[-1:], np.zeros((1, *SHAPE), np.uint8))
    prints = [load_adversarials(tmp_path / x, IDS[-1:], shape=SHAPE).fingerprint for x in "abc"]
    assert prints[0] == prints[1] != prints[2]
    write_folder(tmp_path / "d", ["0.bmp"], bytes_(1))
    write_folder(tmp_path / "e", ["0.bmp"], bytes_(1) ^ 1)
    prints = [load_adversarials(tmp_path / x, ["0.bmp"], shape=SHAPE).fingerprint for x in "de"]
    assert prints[0] != prints[1]


def test_damaged_files_are_found(tmp_path: Path) -> None:
    write_folder(tmp_path, ["0.png", "1.png"], bytes_(2))
    adversarials = load_adversarials(tmp_path, ["0.png", "1.png"], shape=SHAPE)
    assert not adversarials.faults([0, 1])
    (tmp_path / "1.png").write_bytes(b"damaged")
    assert not adversarials.faults([0])
    faults = adversarials.faults([0, 1])
    assert list(faults) == [1]
    assert "1.png, which cannot be decoded" in str(faults[1])
    assert not load_adversarials(bytes_(), IDS, shape=SHAPE).faults(range(5))


def test_linked_folders_are_followed_and_non_files_ignored(tmp_path: Path) -> None:
    write_folder(tmp_path / "elsewhere", ["0.png"], bytes_(1))
    root = tmp_path / "adversarials"
    (root / "1.png").mkdir(parents=True)
    (root / "cat").symlink_to(tmp_path / "elsewhere")
    (root / "2.png").symlink_to(tmp_path / "nowhere")
    np.testing.assert_array_equal(
        load_adversarials(root, ["cat/0.png"], shape=SHAPE).load([0]), pixels(bytes_(1))
    )
    for name in ("1.png", "2.png"):
        with pytest.raises(ImagesError, match=f"given 0 adversarial images .* being '{name}'"):
            load_adversarials(root, [name], shape=SHAPE)


@pytest.mark.parametrize("source", [[1], (), 3, None, {"images": bytes_()}])
def test_other_objects_are_refused(source: Any) -> None:
    expected = f"given {type(source).__name__} as adversarial images. Allowed: an .npz, .* into one array"
    with pytest.raises(ImagesError, match=expected):
        load_adversarials(source, IDS, shape=SHAPE)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (
            bytes_(3),
            r"given 3 adversarial images .* for 5 benign ones, the first without one being 'dog/b\.x\.jpeg'",
        ),
        (bytes_(6), r"given 6 adversarial images .* for 5 benign ones\. Allowed: one"),
        (np.zeros(()), "given 0 adversarial images"),
        (bytes_(5, (3, 6, 5)), r"of shape \(3, 6, 5\) .* for a network that takes \(3, 6, 4\)"),
        (bytes_(5, (1, 6, 5)), r"of shape \(3, 6, 5\)"),
        (bytes_(5, (4, 6, 4)), r"given images of shape \(5, 4, 6, 4\) for a model with 3 input channels"),
        (pixels(bytes_()) * 255, "given pixels from"),
        (np.full((5, *SHAPE), np.nan), "pixels that are NaN or infinite"),
        (np.zeros((5, *SHAPE), np.int64), "given pixels of dtype int64"),
        (np.zeros((5, 7)), r"given images of shape \(5, 7\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(array: np.ndarray, expected: str) -> None:
    with pytest.raises(ImagesError, match=expected):
        load_adversarials(array, IDS, shape=SHAPE)


def save_npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def save_pt(path: Path, saved: object) -> Path:
    torch.save(saved, path)
    return path


def test_unusable_files_are_refused(tmp_path: Path) -> None:
    damaged_npz, damaged_pt, text = tmp_path / "d.npz", tmp_path / "d.pt", tmp_path / "t.txt"
    for path in (damaged_npz, damaged_pt, text):
        path.write_bytes(b"no such file")
    objects = np.array([object()] * 5, dtype=object)
    cases = {
        tmp_path / "nowhere.npz": r"which does not exist\. Allowed: an \.npz, ",
        text: "which is of another form",
        damaged_npz: "which cannot be read",
        damaged_pt: "which cannot be read",
        save_npz(
            tmp_path / "x.npz", x=bytes_()
        ): r"with x\. Allowed: an array or tensor called adversarials, adv_inputs, adv_complete",
        save_npz(tmp_path / "o.npz", images=objects): r"which cannot be read \(ValueError: Object arrays",
        save_pt(tmp_path / "l.pt", [1, 2]): r"cannot be read \(ValueError: it contains int, int",
        save_pt(tmp_path / "k.pt", {"imgs": torch.zeros(1)}): r"with imgs\. Allowed: an array or tensor",
        save_pt(tmp_path / "p.pt", {"adv_inputs": Path()}): "which cannot be read .*UnpicklingError",
    }
    for path, expected in cases.items():
        with pytest.raises(ImagesError, match=expected) as caught:
            load_adversarials(path, IDS, shape=SHAPE)
        assert "\n" not in str(caught.value)


def test_folders_that_do_not_match_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, ["cat/0.png", "cat/1.png", "dog/2.png"], bytes_(3))
    expected = (
        r"given 3 adversarial images \(.*\) for 5 benign ones, the first without one being 'dog/0\.jpg'"
    )
    with pytest.raises(ImagesError, match=expected):
        load_adversarials(tmp_path, IDS, shape=SHAPE)
    with pytest.raises(
        ImagesError, match=r"given cat/0\.png in .* for the benign image 'cat/0\.jpg' and 'cat/0\.bmp'"
    ):
        load_adversarials(tmp_path, ["cat/0.bmp", "cat/0.jpg"], shape=SHAPE)
    write_folder(tmp_path, ["cat/0.bmp"], bytes_(1))
    with pytest.raises(
        ImagesError, match=r"given cat/0\.bmp and cat/0\.png in .* for the benign image 'cat/0\.jpg'"
    ):
        load_adversarials(tmp_path, ["cat/0.jpg"], shape=SHAPE)


def test_images_are_not_resized(tmp_path: Path) -> None:
    write_folder(tmp_path, ["0.png"], bytes_(1, (3, 5, 4)))
    with pytest.raises(
        ImagesError, match=r"of shape \(3, 5, 4\) \(.*0\.png\) for a network that takes \(3, 6, 4\)"
    ):
        load_adversarials(tmp_path, ["0.png"], shape=SHAPE)
