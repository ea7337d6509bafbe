"""Weights from files."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from vulneuron.errors import ModelError
from vulneuron.inputs.checkpoints import apply_checkpoint, check_finite, load_checkpoint, model_digest

Weights = dict[str, Tensor]


def net(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def assert_same(first: nn.Module, second: nn.Module) -> None:
    for name, tensor in second.state_dict().items():
        torch.testing.assert_close(first.state_dict()[name], tensor, rtol=0, atol=0)


@pytest.mark.parametrize("suffix", ["safetensors", "pt", "pth", "bin"])
def test_a_plain_state_dict_is_loaded(tmp_path: Path, suffix: str) -> None:
    path, source, target = tmp_path / f"weights.{suffix}", net(1), net(2)
    save = save_file if suffix == "safetensors" else torch.save
    save(source.state_dict(), path)
    apply_checkpoint(target, path)
    assert_same(target, source)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: {"state_dict": weights, "epoch": 3},
        lambda weights: {"model": weights, "optimizer": {"lr": 0.1}},
        lambda weights: {"model_state_dict": weights},
        lambda weights: {"net": weights, "acc": 93.0},
        lambda weights: {"ema": weights},
        lambda weights: {"state_dict": {"model": weights}},
        lambda weights: {f"module.{name}": tensor for name, tensor in weights.items()},
        lambda weights: {f"_orig_mod.{name}": tensor for name, tensor in weights.items()},
        lambda weights: {"model": {f"module._orig_mod.{name}": t for name, t in weights.items()}},
        lambda weights: {name: t for name, t in weights.items() if "num_batches" not in name},
    ],
)
def test_nested_and_prefixed_state_dicts_are_unwrapped(
    tmp_path: Path, wrap: Callable[[Weights], object]
) -> None:
    path, source, target = tmp_path / "weights.pt", net(1), net(2)
    torch.save(wrap(dict(source.state_dict())), path)
    apply_checkpoint(target, path)
    assert_same(target, source)


def prefixed(weights: Weights, prefix: str) -> Weights:
    return {prefix + name: tensor for name, tensor in weights.items()}


OTHER = prefixed({name: tensor * 0 - 1 for name, tensor in net(3).state_dict().items()}, "")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: {**prefixed(weights, "module."), "n_averaged": torch.tensor(5)},
        lambda weights: {"model_ema": {**prefixed(weights, "module."), "n_averaged": torch.tensor(5)}},
        lambda weights: {"state_dict": prefixed(weights, "model."), "pytorch-lightning_version": "2.4"},
        lambda weights: {"state_dict": {**prefixed(weights, "net."), "loss.weight": torch.ones(2)}},
        lambda weights: {"state_dict": prefixed(weights, "model._orig_mod.")},
        lambda weights: {"state_dict": prefixed(weights, "model.module.backbone.")},
        lambda weights: {"state_dict_ema": weights, "epoch": 3},
        lambda weights: {"ema": {"module": 0, "state_dict": prefixed(weights, "module.")}},
    ],
)
def test_prefixes_of_wrappers_are_removed(tmp_path: Path, wrap: Callable[[Weights], object]) -> None:
    path, source, target = tmp_path / "weights.pt", net(1), net(2)
    torch.save(wrap(dict(source.state_dict())), path)
    assert apply_checkpoint(target, path) == ()
    assert_same(target, source)


@pytest.mark.parametrize("prefix", ["model.", "module.net."])
def test_module_with_a_prefix_of_its_own(tmp_path: Path, prefix: str) -> None:
    class Wrapper(nn.Module):
        pass

    source, target = net(1), net(2)
    wrapper: nn.Module = target
    for name in reversed(prefix.rstrip(".").split(".")):
        inner, wrapper = wrapper, Wrapper()
        wrapper.add_module(name, inner)
    torch.save(source.state_dict(), tmp_path / "weights.pt")
    apply_checkpoint(wrapper, tmp_path / "weights.pt")
    assert_same(target, source)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (lambda weights: {"state_dict": OTHER, "state_dict_ema": weights}, "state_dict_ema"),
        (lambda weights: {"model": OTHER, "model_ema": prefixed(weights, "module.")}, "model_ema"),
        (lambda weights: {"net": OTHER, "ema": weights, "acc": 0.9}, "ema"),
        (
            lambda weights: {"state_dict": prefixed(OTHER, "model.") | prefixed(weights, "ema_model.")},
            "ema_model",
        ),
    ],
)
def test_averaged_weights_are_a_choice(
    tmp_path: Path, content: Callable[[Weights], object], key: str
) -> None:
    path, averaged = tmp_path / "weights.pt", net(1)
    torch.save(content(dict(averaged.state_dict())), path)
    target = net(2)
    (note,) = apply_checkpoint(target, path)
    assert f"checkpoint_key={key}" in note
    torch.testing.assert_close(target.state_dict()["3.weight"], OTHER["3.weight"])
    assert apply_checkpoint(target, path, key) == ()
    assert_same(target, averaged)


def test_unknown_checkpoint_keys_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"state_dict": OTHER, "state_dict_ema": OTHER}, path)
    with pytest.raises(ModelError, match=r"checkpoint_key=ema .*state_dict, state_dict_ema"):
        apply_checkpoint(net(), path, "ema")


def test_a_submodule_called_module_keeps_its_name(tmp_path: Path) -> None:
    class Wrapper(nn.Module):
        def __init__(self, seed: int) -> None:
            super().__init__()
            self.module = net(seed)

    path, source, target = tmp_path / "weights.pt", Wrapper(1), Wrapper(2)
    torch.save(source.state_dict(), path)
    apply_checkpoint(target, path)
    assert_same(target, source)


def test_half_precision_is_cast_to_the_modules_type(tmp_path: Path) -> None:
    path, source, target = tmp_path / "weights.safetensors", net(1), net(2)
    save_file(source.half().state_dict(), path)
    apply_checkpoint(target, path)
    assert all(parameter.dtype == torch.float32 for parameter in target.parameters())
    assert_same(target, source.float())


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (self.path, "run"))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    path, trace = tmp_path / "weights.pt", tmp_path / "trace"
    torch.save({"state_dict": net().state_dict(), "hook": Payload(trace)}, path)
    message = (
        r"weights\.pt', .* not unpickled.* Allowed: a \.safetensors file.* Save the weights with safetensors"
    )
    with pytest.raises(ModelError, match=message):
        load_checkpoint(path)
    assert not trace.exists()


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(net(), path)
    with pytest.raises(ModelError, match="not unpickled"):
        load_checkpoint(path)


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1", b"PK\x03\x04cut"])
def test_damaged_files_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"broken.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"broken\.{suffix}', which .* Allowed: a \.safetensors file"):
        load_checkpoint(path)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(ModelError, match=r"'nowhere\.pt', which is not a file\. Allowed: .* Check the path"):
        load_checkpoint("nowhere.pt")


@pytest.mark.parametrize(
    ("content", "described"),
    [
        ({"epoch": 1, "weights": {}}, "keys epoch, weights"),
        ({}, "keys "),
        ([torch.zeros(1)], "list"),
        (torch.zeros(3), "Tensor"),
        ({"state_dict": {"a": torch.zeros(1), "b": 2}}, "keys a, b"),
    ],
)
def test_files_without_a_state_dict_are_refused(tmp_path: Path, content: object, described: str) -> None:
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    with pytest.raises(
        ModelError, match=rf"no state dict but {described}.* Allowed: a dict of tensors.* Save"
    ):
        load_checkpoint(path)


def test_tensors_that_do_not_fit_are_counted_and_named(tmp_path: Path) -> None:
    path, weights = tmp_path / "weights.pt", dict(net().state_dict())
    weights["3.weight"] = torch.zeros(5, 4)
    weights["extra"] = weights.pop("0.weight")
    torch.save(weights, path)
    message = (
        r"1 missing \(0\.weight\), 1 unexpected \(extra\), "
        r"1 of another shape \(3\.weight \(5, 4\) instead of \(2, 4\)\)\. "
        r"Allowed: the 9 tensors of Sequential\. Check .*num_classes"
    )
    target = net(2)
    with pytest.raises(ModelError, match=message):
        apply_checkpoint(target, path)
    assert_same(target, net(2))


def test_only_the_first_of_many_faults_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({f"layer{i}": torch.zeros(1) for i in range(50)}, path)
    with pytest.raises(ModelError, match=r"50 unexpected \(layer0, layer1, layer2, \.\.\.\)"):
        apply_checkpoint(net(), path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    path, source = tmp_path / "weights.safetensors", net()
    source.state_dict()["3.bias"][1] = value
    save_file(source.state_dict(), path)
    message = r"1 NaN or infinite values in the tensor '3\.bias'\. Allowed: finite weights\. Use"
    with pytest.raises(ModelError, match=rf"weights\.safetensors' with {message}"):
        apply_checkpoint(net(), path)
    with pytest.raises(ModelError, match=rf"model Sequential with {message}"):
        check_finite(source)


def test_the_digest_depends_only_on_the_weights() -> None:
    model = net(1)
    digest = model_digest(model)
    assert digest == model_digest(net(1)) == model_digest(model.to(memory_format=torch.channels_last))
    assert digest != model_digest(net(2))
    assert digest != model_digest(net(1).half())
    model.state_dict()["3.bias"][0] += 1e-3
    assert digest != model_digest(model)


def test_the_digest_covers_names_shapes_dtypes_and_bytes() -> None:
    model = nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 2.0]]))
        model.bias.copy_(torch.tensor([3.0]))
    content = (
        b"bias|torch.float32|(1,)|" + model.bias.detach().numpy().tobytes()
        + b"weight|torch.float32|(1, 2)|" + model.weight.detach().numpy().tobytes()
    )  # fmt: skip
    assert model_digest(model) == hashlib.sha256(content).hexdigest()
