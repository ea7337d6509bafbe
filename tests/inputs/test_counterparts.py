"""Precomputed adversarial images in files of other programs, and those that belong to other images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from vulneuron.errors import ImagesError
from vulneuron.inputs.adversarials import load_adversarials
from vulneuron.inputs.counterparts import check_counterparts
from vulneuron.inputs.images import open_images

COUNT, SHAPE = 18, (3, 8, 8)
RNG = np.random.default_rng(0)
BENIGN = RNG.random((COUNT, *SHAPE), dtype=np.float32)
LABELS = np.arange(COUNT) % 5
CHANGE = RNG.choice([-1, 1], BENIGN.shape).astype(np.float32) * np.float32(0.1)
ADVERSARIAL = (BENIGN + CHANGE).clip(0, 1)
SHUFFLED = np.roll(np.arange(COUNT), 7)


def check(source: object, *, labels: np.ndarray | None = LABELS) -> None:
    images = open_images((BENIGN, labels) if labels is not None else BENIGN).labeled(5)
    check_counterparts(images, load_adversarials(source, images.ids, shape=SHAPE))  # type: ignore[arg-type]


def saved(path: Path, **tensors: object) -> Path:
    torch.save({name: torch.as_tensor(value) for name, value in tensors.items()}, path)
    return path


@pytest.mark.parametrize("name", ["adv_inputs", "adv_complete", "adversarials", "x_adv"])
@pytest.mark.parametrize("suffix", ["pt", "pth", "npz", "safetensors"])
def test_files_of_other_programs(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"adv.{suffix}"
    if suffix == "npz":
        np.savez(path, labels=LABELS, **{name: ADVERSARIAL})  # type: ignore[arg-type]
    elif suffix == "safetensors":
        save_file({name: ADVERSARIAL, "labels": LABELS}, path)
    else:
        saved(path, **{name: ADVERSARIAL, "labels": LABELS})
    check(path)
    adversarials = load_adversarials(path, [str(index) for index in range(COUNT)], shape=SHAPE)
    np.testing.assert_array_equal(adversarials.load(range(COUNT)), ADVERSARIAL)
    assert adversarials.labels is not None
    assert adversarials.labels.tolist() == LABELS.tolist()


def test_bare_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", (ADVERSARIAL * 255).astype(np.uint8))
    torch.save(torch.from_numpy(ADVERSARIAL), tmp_path / "b.pt")
    torch.save((torch.from_numpy(ADVERSARIAL), torch.from_numpy(LABELS)), tmp_path / "c.pth")
    for name in ("a.npy", "b.pt", "c.pth"):
        check(tmp_path / name)


def test_images_of_a_shuffled_loader_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", adv_inputs=ADVERSARIAL[SHUFFLED], labels=LABELS[SHUFFLED])
    with pytest.raises(
        ImagesError,
        match=r"labels that differ .* for 18 of 18, the first being '0': 1, not 0\. .* without shuffling",
    ):
        check(path)


def test_images_of_a_shuffled_loader_without_labels_are_refused(tmp_path: Path) -> None:
    message = r"closer to another benign image than to their own for 18 of 18 .* the first being '0'"
    path = saved(tmp_path / "a.pt", adv_inputs=ADVERSARIAL[SHUFFLED])
    for source in (path, ADVERSARIAL[SHUFFLED], ADVERSARIAL[::-1]):
        with pytest.raises(ImagesError, match=message):
            check(source)
    with pytest.raises(ImagesError, match=message):
        check(path, labels=None)
    # Shuffled within each class.
    with pytest.raises(ImagesError, match="closer to another"):
        check(saved(path, adv_inputs=np.roll(ADVERSARIAL, 5, axis=0)[:COUNT], labels=LABELS))


def test_a_folder_of_other_images_is_refused(tmp_path: Path) -> None:
    for side, pixels in (("benign", BENIGN), ("adversarial", ADVERSARIAL[SHUFFLED])):
        (tmp_path / side).mkdir()
        for index, image in enumerate((pixels * 255).astype(np.uint8).transpose(0, 2, 3, 1)):
            Image.fromarray(image).save(tmp_path / side / f"{index:02}.png")
    images = open_images(tmp_path / "benign").labeled(5)
    check_counterparts(images, load_adversarials(tmp_path / "benign", images.ids, shape=SHAPE))
    with pytest.raises(ImagesError, match=r"closer to another .* the first being '00\.png'"):
        check_counterparts(images, load_adversarials(tmp_path / "adversarial", images.ids, shape=SHAPE))


def test_a_budget_is_checked(tmp_path: Path) -> None:
    message = r"budget of 0\.03137, but exceed it for 18 of 18 compared images, .* L-inf 0\.1"
    path = saved(tmp_path / "aa_standard_1_18_eps_0.03137.pth", adv_complete=ADVERSARIAL)
    with pytest.raises(ImagesError, match=message):
        check(path)
    check(saved(tmp_path / "aa_standard_1_18_eps_0.10000.pth", adv_complete=ADVERSARIAL))
    with pytest.raises(ImagesError, match=r"budget of 0\.05"):
        check(saved(tmp_path / "a.pt", adv_complete=ADVERSARIAL, eps=0.05))
    # An L2 budget is never less than the L-inf distance.
    check(saved(tmp_path / "l2_eps_0.5.pt", adv_complete=ADVERSARIAL))


def test_failures_of_an_attack_are_no_other_images() -> None:
    unchanged, black = BENIGN.copy(), ADVERSARIAL.copy()
    black[3:] = 0
    check(unchanged)
    check(black)
    check(np.zeros_like(BENIGN))


def test_labels_numbered_like_the_data_set_are_accepted(tmp_path: Path) -> None:
    names = ("e", "d", "c", "b", "a")
    np.savez(tmp_path / "benign.npz", images=BENIGN, labels=LABELS, class_names=names)
    images = open_images(tmp_path / "benign.npz").labeled(5, class_names=names[::-1])
    assert images.labels is not None
    assert images.labels.tolist() == (4 - LABELS).tolist()
    path = saved(tmp_path / "a.pt", adv_inputs=ADVERSARIAL, labels=LABELS)
    check_counterparts(images, load_adversarials(path, images.ids, shape=SHAPE))
