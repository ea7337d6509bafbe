"""The order of folders named by number, settled by the accuracy of the network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder

import vulneuron as vn
from vulneuron.errors import ImagesError
from vulneuron.inputs.image_source import Images
from vulneuron.inputs.images import open_images
from vulneuron.pipeline.label_order import choose_label_order

COLORS = np.random.default_rng(0).permutation(
    [(r, g, b) for r in (40, 120, 200) for g in (30, 220) for b in (60, 190)]
)


def color_classifier(order: Sequence[str], *, scale: float = 20) -> nn.Sequential:
    """Output k is for the color of the folder ``order[k]``, whose number is the position of the color."""
    colors = torch.tensor(COLORS[[int(name) % len(COLORS) for name in order]] / 255, dtype=torch.float32)
    convolution, dense = nn.Conv2d(3, 3, 1), nn.Linear(3, len(order))
    with torch.no_grad():
        convolution.weight.copy_(torch.eye(3)[:, :, None, None])
        convolution.bias.zero_()  # type: ignore[union-attr]
        # The nearest color has the largest logit.
        dense.weight.copy_(2 * scale * colors)
        dense.bias.copy_(-scale * colors.square().sum(1))
    return nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense)


def write_folders(root: Path, names: Sequence[str]) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
        color = np.broadcast_to(COLORS[int(name) % len(COLORS)].astype(np.uint8), (6, 6, 3))
        Image.fromarray(np.ascontiguousarray(color)).save(root / name / "a.png")
    return root


def settled(network: nn.Module, root: Path, classes: int, **options: object) -> Images:
    classifier = vn.Classifier(network, input_shape=(3, 6, 6))
    return choose_label_order(classifier, open_images(root).labeled(classes, **options))  # type: ignore[arg-type]


ZERO_BASED = [str(number) for number in range(12)]
ONE_BASED = [str(number) for number in range(1, 13)]


@pytest.mark.parametrize("names", [ZERO_BASED, ONE_BASED])
@pytest.mark.parametrize("order", ["alphabetical", "numeric"])
def test_numbered_folders_are_read_as_the_network_was_trained(
    tmp_path: Path, names: list[str], order: str
) -> None:
    outputs = sorted(names) if order == "alphabetical" else sorted(names, key=int)
    images = settled(color_classifier(outputs), write_folders(tmp_path, names), 12)
    assert images.labels is not None
    assert images.labels.tolist() == [outputs.index(name.split("/")[0]) for name in images.ids]
    assert len(images.notes) == 1
    assert order in images.notes[0]
    differing = sum(sorted(names)[place] != sorted(names, key=int)[place] for place in range(12))
    assert f"of {differing} images" in images.notes[0]
    assert f"{differing} correct in" in images.notes[0]
    if images.class_names is not None:
        assert images.class_names == tuple(outputs)


def test_a_subset_of_numbered_folders_has_two_orders_too(tmp_path: Path) -> None:
    write_folders(tmp_path, ["0", "2", "10", "11"])
    for outputs in (sorted(ZERO_BASED), ZERO_BASED):
        images = settled(color_classifier(outputs), tmp_path, 12)
        assert images.labels is not None
        assert images.labels.tolist() == [outputs.index(name) for name in ("0", "10", "11", "2")]


@pytest.mark.parametrize("names", [ZERO_BASED[:10], [f"{number:02}" for number in range(12)]])
def test_equal_orders_need_no_note(tmp_path: Path, names: list[str]) -> None:
    # A network that knows nothing is not needed to decide.
    images = settled(color_classifier(names, scale=0), write_folders(tmp_path, names), len(names))
    assert images.labels is not None
    assert images.labels.tolist() == list(range(len(names)))
    assert images.notes == ()


def test_an_uncertain_order_is_refused(tmp_path: Path) -> None:
    root = write_folders(tmp_path, ZERO_BASED)
    message = r"order is uncertain: of 10 images, .* correct in numeric order.* Pass .* --class-names"
    with pytest.raises(ImagesError, match=message):
        settled(color_classifier(ZERO_BASED, scale=0), root, 12)


def test_class_names_settle_the_order(tmp_path: Path) -> None:
    root = write_folders(tmp_path, ZERO_BASED)
    images = settled(color_classifier(ZERO_BASED, scale=0), root, 12, class_names=ZERO_BASED)
    assert images.labels is not None
    assert images.labels.tolist() == [int(name.split("/")[0]) for name in images.ids]
    # Names of other things make the numbers output numbers, unless the accuracy speaks against it.
    animals = [f"animal {letter}" for letter in "abcdefghijkl"]
    uncertain = settled(color_classifier(ZERO_BASED, scale=0), root, 12, class_names=animals)
    assert uncertain.labels is not None
    assert uncertain.labels.tolist() == images.labels.tolist()
    assert "unverified" in uncertain.notes[0]


@pytest.mark.parametrize("names", [ZERO_BASED, ONE_BASED])
def test_a_data_set_of_numbered_folders_is_read_as_the_network_was_trained(
    tmp_path: Path, names: list[str]
) -> None:
    root = write_folders(tmp_path, names)
    to_pixels = transforms.Compose([transforms.PILToTensor()])
    for outputs in (sorted(names), names):
        classifier = vn.Classifier(color_classifier(outputs), input_shape=(3, 6, 6))
        images = choose_label_order(classifier, open_images(ImageFolder(str(root), to_pixels)).labeled(12))
        assert images.labels is not None
        assert images.labels.tolist() == [outputs.index(name) for name in sorted(names)]
    # Without evidence, the labels of the data set are kept.
    unsure = vn.Classifier(color_classifier(names, scale=0), input_shape=(3, 6, 6))
    images = choose_label_order(unsure, open_images(ImageFolder(str(root), to_pixels)).labeled(12))
    assert images.labels is not None
    assert images.labels.tolist() == list(range(12))
    assert images.class_names == tuple(sorted(names))
    assert "unverified" in images.notes[0]


def test_names_by_index_are_those_of_the_record(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "images", ["0", "1"])
    (root / "0").rename(root / "red, dark")
    (root / "1").rename(root / "green")
    record = vn.analyze(
        color_classifier(["1", "0", "5"]),
        root,
        out=tmp_path / "r.zarr",
        attack=vn.PGD(eps=0.5, step_size=0.2),
        class_names={1: "red, dark", 0: "green", 2: "blue"},
        classes="red, dark,green",
        progress=False,
    )
    assert record.class_names == ("green", "red, dark", "blue")
    assert record.info()["correct"] == 2
    assert set(record.run_images["true_label"]) == {"green", "red, dark"}


def test_the_record_states_the_order(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "images", ZERO_BASED)
    network = color_classifier(sorted(ZERO_BASED))
    record = vn.analyze(
        network, root, out=tmp_path / "r.zarr", attack=vn.PGD(eps=0.4, step_size=0.1), progress=False
    )
    info = record.info()
    assert info["correct"] == 12
    assert any(
        "in ImageFolder's alphabetical order: of 10 images, 0 correct in numeric order, 10 correct" in note
        for note in info["notes"]
    )
