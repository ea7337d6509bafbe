"""Models of RobustBench, with a small package in its place: the real one downloads its weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import vulneuron as vn
from vulneuron.errors import ModelError
from vulneuron.inputs.models import load_model
from vulneuron.inputs.preprocessing import Preprocessing

ZOO = """
import enum, torch
from torchvision import transforms

class BenchmarkDataset(enum.Enum):
    cifar_10 = "cifar10"
    imagenet = "imagenet"

class ThreatModel(enum.Enum):
    Linf = "Linf"
    L2 = "L2"

class WideResNet(torch.nn.Module):
    # As in RobustBench: the last normalization, a functional ReLU, a pooling of fixed size, a view.
    def __init__(self, classes=10, side=8):
        super().__init__()
        self.mu = torch.nn.Parameter(torch.full((1, 3, 1, 1), 0.5), requires_grad=False)
        self.conv, self.bn = torch.nn.Conv2d(3, 12, 3, 4, 1), torch.nn.BatchNorm2d(12)
        self.fc, self.side = torch.nn.Linear(12, classes), side

    def forward(self, x):
        out = torch.nn.functional.relu(self.bn(self.conv(x - self.mu)))
        out = torch.nn.functional.avg_pool2d(out, self.side)
        return self.fc(out.view(-1, 12))
"""
FILES = {
    "robustbench/__init__.py": "",
    "robustbench/model_zoo/enums.py": ZOO,
    "robustbench/model_zoo/__init__.py": """
from robustbench.model_zoo import enums
from robustbench.model_zoo.enums import *
model_dicts = {
    BenchmarkDataset.cifar_10: {
        ThreatModel.Linf: {"Carmon2019Unlabeled": {"model": WideResNet, "gdrive_id": "a"}},
        ThreatModel.L2: {"Standard": {"model": WideResNet, "gdrive_id": "b"}},
    },
    BenchmarkDataset.imagenet: {
        ThreatModel.Linf: {
            "Salman2020Do_R18": {"model": lambda: WideResNet(1000, 56), "preprocessing": "Res256Crop224"}
        },
    },
}
""",
    "robustbench/data.py": """
from torchvision import transforms
def get_preprocessing(dataset, threat_model, name, preprocessing):
    bicubic = transforms.InterpolationMode.BICUBIC
    steps = [transforms.Resize(256, interpolation=bicubic), transforms.CenterCrop(224), transforms.ToTensor()]
    return transforms.Compose(steps)
""",
    "robustbench/utils.py": """
from robustbench.model_zoo import model_dicts
from robustbench.model_zoo.enums import BenchmarkDataset, ThreatModel
def load_model(name, model_dir, dataset, threat_model):
    if name == "Standard":
        raise OSError("no route to host")
    return model_dicts[BenchmarkDataset(dataset)][ThreatModel(threat_model)][name]["model"]().eval()
""",
    "robustbench-9.dist-info/METADATA": "Metadata-Version: 2.1\nName: robustbench\nVersion: 9\n",
}


@pytest.fixture
def robustbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    site = tmp_path / "site"
    for name, text in FILES.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(site)
    return site


@pytest.mark.usefixtures("robustbench")
def test_an_entry_has_the_size_classes_and_budget_of_its_leaderboard(tmp_path: Path) -> None:
    model = "robustbench:Carmon2019Unlabeled?dataset=cifar10&threat_model=Linf"
    loaded = load_model(model)
    assert loaded.preprocessing == Preprocessing(32, 32)
    assert loaded.class_names is not None
    assert loaded.class_names[3] == "cat"
    images = (np.random.default_rng(0).random((12, 32, 32, 3)) * 255).astype(np.uint8)
    record = vn.analyze(model, images, out=tmp_path / "r.zarr")
    assert record.info()["attack"]["eps"] == "8/255"
    assert record.info()["layers"][0]["head"]["kind"] == "linear"


@pytest.mark.usefixtures("robustbench")
def test_imagenet_entries_resize_and_crop() -> None:
    loaded = load_model("robustbench:Salman2020Do_R18?dataset=imagenet")
    assert loaded.preprocessing is not None
    assert (loaded.preprocessing.width, loaded.preprocessing.resize) == (224, 256)
    assert loaded.preprocessing.interpolation == "bicubic"
    assert loaded.class_names is not None
    assert loaded.class_names[0] == "tench"
    assert loaded.threat_model is not None
    assert loaded.threat_model.eps == 4 / 255


@pytest.mark.usefixtures("robustbench")
def test_a_checkpoint_replaces_the_download(tmp_path: Path) -> None:
    net = load_model("robustbench:Carmon2019Unlabeled").module
    with torch.no_grad():
        net.get_parameter("fc.bias").fill_(7)
    torch.save(net.state_dict(), tmp_path / "own.pt")
    loaded = load_model(f"robustbench:Standard?threat_model=L2&checkpoint={tmp_path / 'own.pt'}")
    assert isinstance(loaded.module, nn.Module)
    assert loaded.module.get_parameter("fc.bias").unique().tolist() == [7]
    assert loaded.threat_model is not None
    assert loaded.threat_model.norm == "l2"


@pytest.mark.usefixtures("robustbench")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("Carmon2019Unlabelled", "Carmon2019Unlabeled"),
        ("Carmon2019Unlabeled?dataset=cifar11", "dataset=cifar10&threat_model=Linf"),
        ("Carmon2019Unlabeled?threat_model=linf", "threat_model=Linf"),
        ("Standard?threat_model=L2", "no route to host.*checkpoint=FILE"),
    ],
)
def test_what_robustbench_does_not_have_is_one_line(model: str, message: str) -> None:
    with pytest.raises(ModelError, match=f"(?s){message}") as error:
        load_model(f"robustbench:{model}")
    assert "\n" not in str(error.value)


def test_a_copy_inside_another_package_is_not_used() -> None:
    # torchattacks, which the tests install, contains such a copy.
    with pytest.raises(ModelError, match=r"robustbench is not installed.*pip install"):
        load_model("robustbench:Carmon2019Unlabeled")
