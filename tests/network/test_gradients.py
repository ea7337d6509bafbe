"""Models without gradients or weights are refused; other types and modes of PyTorch run."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import vulneuron as vn
from nets import INPUT_SHAPE, average_pooled, randomized, stem
from runs import color_net, color_pictures
from vulneuron import Classifier
from vulneuron.errors import ModelError
from vulneuron.inputs.models import load_model
from vulneuron.record import Record


class Net(nn.Module):
    """Pools feature maps, which a function changes before the dense layer reads them."""

    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.features, self.fc = nn.Sequential(*stem()), nn.Linear(6, 4)
        self.between = between

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.between(self.features(images).mean((2, 3))))
        return logits


class WithoutGradients(Net):
    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)


class InferenceOnly(Net):
    @torch.inference_mode()
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)


class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(_context: object, values: Tensor) -> Tensor:
        return (values * 64).round() / 64


def same(values: Tensor) -> Tensor:
    return values


@pytest.mark.parametrize(
    ("net", "cause"),
    [
        (WithoutGradients(same), r"'features\.0' \(Conv2d\), which runs under torch\.no_grad"),
        (InferenceOnly(same), r"'features\.0' \(Conv2d\), which runs under torch\.no_grad"),
        (Net(lambda values: torch.from_numpy(np.tanh(values.numpy()))), "numpy"),
        (Net(lambda values: values.detach()), r"they end before 'fc' \(Linear\)"),
        (Net(lambda values: torch.tensor(values.tolist())), r"they end before 'fc' \(Linear\)"),
        (Net(lambda values: (values * 64).int().float()), r"they end before 'fc' \(Linear\)"),
        (Net(Rounded.apply), "NotImplementedError"),
    ],
)
def test_missing_gradients_are_refused_with_their_cause(net: nn.Module, cause: str) -> None:
    with pytest.raises(ModelError, match="no gradients") as caught:
        Classifier(net, input_shape=INPUT_SHAPE)
    assert caught.match(cause)
    assert "\n" not in str(caught.value)
    assert not any(module._forward_hooks for module in net.modules())


def test_a_run_without_gradients_leaves_nothing_behind(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    with pytest.raises(ModelError, match="no gradients"):
        vn.analyze(WithoutGradients(same), pictures, labels % 2, out=tmp_path / "run.zarr")
    assert list(tmp_path.iterdir()) == []


# ---- weights


def _meta() -> nn.Module:
    with torch.device("meta"):
        return average_pooled()


def _partly_meta() -> nn.Module:
    net = average_pooled()
    net[3] = nn.Linear(6, 4, device="meta")
    return net


def _quantized() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, but in use
        return nn.Sequential(nn.Identity(), torch.ao.nn.quantized.Conv2d(3, 4, 3))


def _dynamically_quantized() -> nn.Module:
    net = average_pooled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, but in use
        net[3] = torch.ao.nn.quantized.dynamic.Linear(6, 4)
    return net


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_meta, r"meta device, without values \(0\.0\.weight\)"),
        (_partly_meta, r"meta device, without values \(3\.weight\)"),
        (
            lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2)),
            r"lazy layers.*0\.weight",
        ),
        (lambda: nn.Sequential(*stem(), nn.Flatten(), nn.LazyLinear(2)), r"lazy layers.*7\.weight"),
        (_quantized, r"quantized.*quantized\.modules"),
        (_dynamically_quantized, r"quantized \('3' is .*dynamic.*Linear"),
    ],
)
@pytest.mark.parametrize("load", [load_model, Classifier])
def test_weights_without_values_are_refused(
    build: Callable[[], nn.Module], message: str, load: Callable[[nn.Module], object]
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        load(build())
    assert "\n" not in str(caught.value)


# ---- types and modes


class CastingNet(Net):
    """Casts images to the type of its weights."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.to(self.fc.weight.dtype))


class Double(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.double())


class Half(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.bfloat16())


@pytest.mark.parametrize(
    ("net", "tolerance"),
    [
        (CastingNet(same).double(), 1e-5),
        (Double(same).double(), 1e-5),
        (Half(same).bfloat16(), 4e-2),
        (CastingNet(same).half(), 5e-3),
    ],
)
def test_models_that_cast_images_themselves(net: nn.Module, tolerance: float) -> None:
    net = randomized(net).eval()
    images = torch.rand(4, *INPUT_SHAPE)
    with torch.no_grad():
        expected = net(images).float()
    classifier = Classifier(net, input_shape=INPUT_SHAPE)
    torch.testing.assert_close(classifier.logits(images), expected, rtol=tolerance, atol=tolerance)
    assert classifier.split.kind == "linear"
    activity = classifier.activity(images)
    assert activity.features.dtype == torch.float32
    assert classifier.contributions(activity, torch.zeros(4, dtype=torch.int64)).dtype == torch.float32
    assert vn.PGD(steps=1)(classifier, images, expected.argmax(1)).images.dtype == torch.float32


class default_type(AbstractContextManager[None]):  # noqa: N801  like torch.no_grad
    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype, self._before = dtype, torch.get_default_dtype()

    def __enter__(self) -> None:
        torch.set_default_dtype(self._dtype)

    def __exit__(self, *_: object) -> None:
        torch.set_default_dtype(self._before)


MODES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "float64 by default": lambda: default_type(torch.float64),
    "bfloat16 by default": lambda: default_type(torch.bfloat16),
}


@pytest.fixture(scope="module")
def plain_logits(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    values: np.ndarray = _analyzed(tmp_path_factory.mktemp("plain")).dataset["logit"].values
    return values


def _analyzed(folder: Path) -> Record:
    net = color_net()
    return vn.analyze(
        net, *color_pictures(), out=folder / "run.zarr", progress=False, attack=vn.PGD(steps=10)
    )


@pytest.mark.parametrize("mode", MODES)
def test_runs_inside_modes_of_pytorch(mode: str, tmp_path: Path, plain_logits: np.ndarray) -> None:
    with MODES[mode]():
        record = _analyzed(tmp_path)
        analysis = vn.Analysis(record, vn.load_classifier(record, color_net()))
        maps = analysis.vulnerability_maps(0, patch=4, stride=4)
    np.testing.assert_allclose(record.dataset["logit"].values, plain_logits, rtol=1e-4)
    assert np.isfinite(maps.benign_drop).all()
