"""Models from torchvision, from files and as objects; nothing is downloaded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision.models
from torch import nn
from torchvision.models import ResNet18_Weights, get_model_weights, list_models

from vulneuron.errors import ModelError
from vulneuron.inputs.checkpoints import model_digest
from vulneuron.inputs.loaded_model import IMAGENET_MEAN, IMAGENET_STD
from vulneuron.inputs.models import load_model
from vulneuron.inputs.preprocessing import Preprocessing

SMALL = "squeezenet1_1"
FETCH = "torchvision.models._api.load_state_dict_from_url"


def fetches(result: object) -> Callable[..., object]:
    """Replace the download of weights: return a state dict or raise an error."""

    def fetch(*_: object, **__: object) -> object:
        if isinstance(result, Exception):
            raise result
        return result

    return fetch


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FETCH, fetches(URLError("no network")))


def test_torchvision_without_weights_is_random_with_a_note() -> None:
    model = load_model(f"torchvision:{SMALL}?num_classes=7")
    assert type(model.module).__name__ == "SqueezeNet"
    assert model.module.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 7)
    assert model.spec == f"torchvision:{SMALL}?num_classes=7"
    assert (model.mean, model.std) == (IMAGENET_MEAN, IMAGENET_STD)
    assert model.preprocessing is None
    assert model.class_names is None
    assert "random" in model.notes[0]
    assert "ImageNet" in model.notes[1]


def test_random_weights_are_reproducible_and_keep_the_seed() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first = load_model(f"torchvision:{SMALL}")
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(5)
    assert model_digest(load_model(f"torchvision:{SMALL}").module) == model_digest(first.module)


@pytest.mark.parametrize("weights", ["DEFAULT", "IMAGENET1K_V1", "imagenet1k_v1", "ResNet18_Weights.DEFAULT"])
def test_torchvision_weights_give_preprocessing_and_names(
    monkeypatch: pytest.MonkeyPatch, weights: str
) -> None:
    trained = torchvision.models.resnet18()
    monkeypatch.setattr(FETCH, fetches(trained.state_dict()))
    model = load_model(f"torchvision:resnet18?weights={weights}")
    assert model_digest(model.module) == model_digest(trained)
    assert (model.mean, model.std) == (IMAGENET_MEAN, IMAGENET_STD)
    assert model.preprocessing == Preprocessing(224, 224, 256, "bilinear")
    assert model.class_names == tuple(ResNet18_Weights.DEFAULT.meta["categories"])
    assert model.notes == ()


def test_weights_and_checkpoint_together_download_nothing(tmp_path: Path) -> None:
    trained, path = torchvision.models.resnet18(), tmp_path / "weights.pt"
    torch.save(trained.state_dict(), path)
    model = load_model(f"torchvision:resnet18?weights=DEFAULT&checkpoint={path}")
    assert model_digest(model.module) == model_digest(trained)
    assert model.preprocessing == Preprocessing(224, 224, 256, "bilinear")
    assert model.class_names is not None
    assert len(model.class_names) == 1000


def test_a_fine_tuned_checkpoint_with_the_preprocessing_of_weights(tmp_path: Path) -> None:
    trained, path = torchvision.models.get_model(SMALL, num_classes=5), tmp_path / "weights.pt"
    torch.save(trained.state_dict(), path)
    model = load_model(f"torchvision:{SMALL}?weights=DEFAULT&checkpoint={path}&num_classes=5")
    assert model_digest(model.module) == model_digest(trained)
    assert model.preprocessing is not None
    assert model.class_names is None


def test_a_checkpoint_without_weights(tmp_path: Path) -> None:
    trained, path = torchvision.models.get_model(SMALL, num_classes=5), tmp_path / "weights.pt"
    torch.save(trained.state_dict(), path)
    model = load_model(f"torchvision:{SMALL}?checkpoint={path}&num_classes=5")
    assert model_digest(model.module) == model_digest(trained)
    assert len(model.notes) == 1
    assert "ImageNet" in model.notes[0]


def test_preprocessing_of_all_trained_weights_is_valid() -> None:
    for name in list_models(module=torchvision.models):
        for weights in get_model_weights(name):
            transform = weights.transforms()
            size = transform.crop_size[0]
            Preprocessing(size, size, transform.resize_size[0], transform.interpolation.value)


def test_googlenet_rescales_its_input_as_its_weights_expect(tmp_path: Path) -> None:
    trained, path = torchvision.models.googlenet(init_weights=False), tmp_path / "weights.pt"
    torch.save(trained.state_dict(), path)
    official = load_model(f"torchvision:googlenet?weights=DEFAULT&checkpoint={path}").module
    own = load_model(f"torchvision:googlenet?checkpoint={path}").module
    assert vars(official)["transform_input"]
    assert not vars(own)["transform_input"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "resnet18",
            r"'resnet18'\. Allowed: torchvision:NAME.*\. Write torchvision:resnet18\?weights=DEFAULT",
        ),
        ("net.pth", r"'net\.pth'\. Allowed: .* Weights alone are not a network.*checkpoint=net\.pth"),
        ("onnx:net", r"'onnx:net'\. Allowed: .* Write for example"),
        ("torchvision:resnet81", r"'resnet81'\. Allowed: the \d+ names .* Perhaps you mean resnet18"),
        ("torchvision:fcn_resnet50", r"'fcn_resnet50'\. Allowed: the \d+ names"),
        ("torchvision:zzz", r"'zzz'\. Allowed: .* Look the name up"),
        ("torchvision:resnet18?weights=V7", r"weights=V7 for resnet18\. Allowed: IMAGENET1K_V1, DEFAULT\."),
        ("torchvision:resnet18?pretrained=true", r"'pretrained=true' .* Allowed: weights=.*num_classes="),
        ("torchvision:resnet18?num_classes=ten", r"num_classes=ten .* Allowed: a positive integer"),
        ("torchvision:resnet18?checkpoint=nowhere.pt", r"'nowhere\.pt', which is not a file"),
        (
            "torchvision:resnet18?weights=DEFAULT&num_classes=10",
            r"num_classes=10 .* 1000 classes\. Allowed: num_classes without weights.* Add &checkpoint=FILE",
        ),
        (
            "torchvision:resnet18?weights=DEFAULT",
            r"cannot be downloaded \(URLError: .*no network.*\)\. Allowed: .* Download https://.*&checkpoint=FILE",
        ),
    ],
)
def test_bad_specs_are_refused(spec: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(spec)


def test_other_objects_are_refused() -> None:
    with pytest.raises(ModelError, match=r"given the model 3\. Allowed: .* torch\.nn\.Module"):
        load_model(3)  # type: ignore[arg-type]


FILE = """
import torch
from torch import nn

def net():
    return nn.Linear(3, 2)

class Net(nn.Linear):
    def __init__(self):
        super().__init__(3, 2)

def fails():
    raise RuntimeError("first line\\nsecond line")

def needs(arguments):
    return nn.Linear(3, 2)

def ours():
    from vulneuron.errors import ModelError
    raise ModelError("given a riddle", allowed="answers", fix="Think")

def weights():
    return nn.Linear(3, 2).state_dict()

def diverged():
    net = nn.Linear(3, 2)
    nn.init.constant_(net.bias, float("nan"))
    return net
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize("name", ["net", "Net"])
def test_functions_of_a_file_return_models(file: Path, name: str) -> None:
    model = load_model(f"{file}:{name}")
    assert isinstance(model.module, nn.Linear)
    assert model.spec == f"{file}:{name}"
    assert (model.mean, model.std, model.preprocessing, model.class_names, model.notes) == (None,) * 4 + ((),)
    assert model_digest(load_model(f"{file}:{name}").module) == model_digest(model.module)


def test_a_model_of_a_file_loads_a_checkpoint(file: Path) -> None:
    trained, path = nn.Linear(3, 2), file.with_name("weights.pt")
    torch.save(trained.state_dict(), path)
    assert model_digest(load_model(f"{file}:net?checkpoint={path}").module) == model_digest(trained)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (":fails", r"mine\.py:fails', which raised RuntimeError: first line second line\. Allowed: .* Fix"),
        (":needs", r"mine\.py:needs', which raised TypeError: .* Allowed: a function .* without arguments"),
        (":ours", r"^given a riddle\. Allowed: answers\. Think\.$"),
        (":weights", r"mine\.py:weights', which returned OrderedDict\. Allowed: .*Module\. Return"),
        (":nowhere", r"'nowhere'.* does not exist .* Allowed: Net, diverged"),
        (":net?weights=DEFAULT", r"'weights=DEFAULT' .* Allowed: checkpoint="),
        (":diverged", r"model Linear with 2 NaN or infinite values in the tensor 'bias'"),
    ],
)
def test_bad_files_are_refused(file: Path, rest: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(f"{file}{rest}")


def test_a_module_is_wrapped() -> None:
    module = nn.Linear(3, 2).train()
    model = load_model(module, class_names=["a", "b"])
    assert model.module is module
    assert model.module.training
    assert model.spec == "Linear"
    assert (model.mean, model.std) == (None, None)
    assert model.class_names == ("a", "b")


def test_a_module_with_bad_weights_is_refused() -> None:
    module = nn.Linear(3, 2)
    nn.init.constant_(module.weight, float("inf"))
    with pytest.raises(ModelError, match=r"6 NaN or infinite values in the tensor 'weight'"):
        load_model(module)


def test_explicit_normalization_takes_precedence() -> None:
    model = load_model(f"torchvision:{SMALL}", mean=[0.5, 0.5, 0.5], std=(1, 1, 1))
    assert (model.mean, model.std) == ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0))


@pytest.mark.parametrize(("one", "other"), [("mean", "std"), ("std", "mean")])
def test_mean_without_std_is_refused(one: str, other: str) -> None:
    message = rf"given {one} without {other}\. Allowed: mean and std together.* Also pass {other} "
    with pytest.raises(ModelError, match=message):
        load_model(nn.Linear(3, 2), **{one: [0.5, 0.5, 0.5]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [
        {"mean": 0.5, "std": 0.5},
        {"mean": ["a"], "std": [0.5]},
        {"mean": [0.5, 0.5], "std": [0.5]},
        {"mean": [0.5], "std": [0.0]},
        {"mean": [0.5], "std": [-1.0]},
        {"mean": [float("nan")], "std": [1.0]},
        {"mean": [], "std": []},
    ],
)
def test_bad_normalization_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"given mean .* and std .* Allowed: one .* std above 0\. Use"):
        load_model(nn.Linear(3, 2), **arguments)


@pytest.mark.parametrize("weights", [nn.Linear(3, 2).state_dict(), {}, {"state_dict": {}}])
def test_a_state_dict_is_no_model(weights: Any) -> None:
    with pytest.raises(ModelError, match="weights alone are not a network") as caught:
        load_model(weights)
    assert len(str(caught.value)) < 300


def test_messages_about_other_objects_are_short() -> None:
    with pytest.raises(ModelError) as caught:
        load_model(list(range(10_000)))  # type: ignore[arg-type]
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("mean", "std"), [([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]), ([127.5], [127.5])]
)
def test_normalization_for_pixels_up_to_255_is_refused(mean: list[float], std: list[float]) -> None:
    with pytest.raises(ModelError, match=rf"Divide both by 255: a mean of {mean[0] / 255:.3f}"):
        load_model(nn.Linear(3, 2), mean=mean, std=std)


def test_normalization_may_scale_pixels_to_255() -> None:
    assert load_model(nn.Linear(3, 2), mean=[0.0], std=[1 / 255]).std == (1 / 255,)
