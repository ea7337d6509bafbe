"""Models from timm; nothing is downloaded."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import ResNet18_Weights
from torchvision.transforms.functional import pil_to_tensor

from vulneuron.errors import ModelError
from vulneuron.inputs.checkpoints import model_digest
from vulneuron.inputs.models import load_model
from vulneuron.inputs.preprocessing import Preprocessing

timm = pytest.importorskip("timm")


def test_random_weights_have_a_note() -> None:
    model = load_model("timm:resnet10t")
    assert model.preprocessing == Preprocessing(176, 176, 201, "bicubic")
    assert model.class_names == tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
    assert "random" in model.notes[0]
    assert model_digest(load_model("timm:resnet10t").module) == model_digest(model.module)


@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_050"])
def test_images_equal_those_of_timms_transform(name: str) -> None:
    model = load_model(f"timm:{name}")
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model.module))
    noise = np.random.default_rng(0).integers(0, 256, (260, 301, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    assert model.preprocessing is not None
    pixels = pil_to_tensor(model.preprocessing.apply_pil(image)) / 255
    mean, std = torch.tensor(model.mean), torch.tensor(model.std)
    ours = (pixels - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1)
    torch.testing.assert_close(ours, transform(image), rtol=0, atol=0)


def test_a_checkpoint_with_another_number_of_classes(tmp_path: Path) -> None:
    trained, path = timm.create_model("resnet10t", num_classes=4), tmp_path / "weights.pt"
    torch.save(trained.state_dict(), path)
    model = load_model(f"timm:resnet10t?checkpoint={path}&num_classes=4")
    assert model_digest(model.module) == model_digest(trained)
    assert model.class_names is None
    assert model.notes == ()


def patched_config(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Make timm build a small network with a modified configuration."""
    original = timm.create_model

    def create_model(*_: object, **__: object) -> nn.Module:
        module: nn.Module = original("resnet10t", num_classes=2)
        module.pretrained_cfg.update(changes)  # type: ignore[operator, union-attr]
        return module

    monkeypatch.setattr(timm, "create_model", create_model)


def test_pretrained_weights_bring_their_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    patched_config(monkeypatch, label_names=["cat", "dog"])
    model = load_model("timm:anything?pretrained=true")
    assert model.class_names == ("cat", "dog")
    assert model.notes == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"crop_mode": "squash"}, Preprocessing(176, 176, 201, "bicubic")),
        ({"crop_mode": "border", "interpolation": "bilinear"}, Preprocessing(176, 176, 201, "bilinear")),
        ({"input_size": (3, 64, 96)}, Preprocessing(64, 96, None, "bicubic")),
    ],
)
def test_other_crop_modes_are_replaced_with_a_note(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], expected: Preprocessing
) -> None:
    patched_config(monkeypatch, **changes)
    model = load_model("timm:anything?pretrained=true")
    assert model.preprocessing == expected
    assert len(model.notes) == 1
    assert "aspect ratio" in model.notes[0]


def test_missing_timm_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        ModelError, match=r"timm is not installed\. Allowed: .* pip install 'vulneuron\[timm\]'"
    ):
        load_model("timm:resnet18")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "timm:resnet81",
            r"'resnet81'\. Allowed: the \d+ names of timm\.list_models\(\)\. Perhaps you mean resnet18",
        ),
        ("timm:zzz", r"'zzz'\. Allowed: .* Look the name up"),
        ("timm:resnet18.nowhere", r"Invalid pretrained tag \(nowhere\).* Allowed: .* Check tag and network"),
        (
            "timm:resnet18?weights=DEFAULT",
            r"'weights=DEFAULT' .* Allowed: checkpoint=.*pretrained=.*num_classes=",
        ),
        ("timm:resnet18?pretrained=maybe", r"pretrained=maybe .* Allowed: true or false"),
        (
            "timm:resnet18?pretrained=true&checkpoint=a.pt",
            r"pretrained=true and a checkpoint .* Allowed: one",
        ),
        ("timm:resnet10t?checkpoint=nowhere.pt", r"'nowhere\.pt', which is not a file"),
    ],
)
def test_bad_specs_are_refused(spec: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(spec)


def test_a_failed_download_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_model(*_: object, **__: object) -> nn.Module:
        raise OSError("no\nnetwork")

    monkeypatch.setattr(timm, "create_model", create_model)
    message = r"timm cannot load \(OSError: no network\)\. Allowed: .*checkpoint=FILE"
    with pytest.raises(ModelError, match=message):
        load_model("timm:resnet18?pretrained=true")
