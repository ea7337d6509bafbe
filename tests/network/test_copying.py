"""Copies of models: computed weights, hooks of the user, attributes that cannot be copied."""

import threading
import warnings
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from nets import INPUT_SHAPE, average_pooled, flattened, pooled_into, randomized
from vulneuron import Classifier

IMAGES = torch.rand(4, *INPUT_SHAPE, generator=torch.Generator().manual_seed(0))
SEEN: list[object] = []


def copied(net: nn.Module) -> Classifier:
    return Classifier(net, input_shape=INPUT_SHAPE, device="cpu")


def assert_same_logits(classifier: Classifier, net: nn.Module) -> None:
    with torch.no_grad():
        expected = net.eval()(IMAGES)
    torch.testing.assert_close(classifier.logits(IMAGES), expected, rtol=1e-4, atol=1e-5)


# ---- hooks


class Recorder:
    def __init__(self) -> None:
        self.outputs: list[Tensor] = []

    def record(self, _module: nn.Module, _args: object, output: Tensor) -> None:
        self.outputs.append(output)

    def __call__(self, module: nn.Module, args: object, output: Tensor) -> None:
        self.record(module, args, output)


def _append(values: list[object], _module: nn.Module, *_args: object) -> None:
    values.append(None)


def _append_globally(_module: nn.Module, *_args: object) -> None:
    SEEN.append(None)


def _hooks() -> dict[str, tuple[Callable[..., None], list[object]]]:
    outputs: list[object] = []
    recorder = Recorder()
    partially: list[object] = []
    return {
        "closure": (lambda _module, _args, output: outputs.append(output), outputs),
        "method": (recorder.record, recorder.outputs),  # type: ignore[dict-item]
        "object": (recorder, recorder.outputs),  # type: ignore[dict-item]
        "partial function": (partial(_append, partially), partially),
        "global list": (_append_globally, SEEN),
    }


@pytest.mark.parametrize("kind", ["closure", "method", "object", "partial function", "global list"])
def test_copies_carry_no_hooks_of_the_user(kind: str) -> None:
    hook, seen = _hooks()[kind]
    net = randomized(average_pooled()).eval()
    net.get_submodule("0").register_forward_hook(hook)
    net(IMAGES)
    count = len(seen)
    classifier = copied(net)
    classifier.activity(IMAGES)
    classifier.gradients(classifier.activity(IMAGES).features, torch.zeros(4, dtype=torch.int64))
    assert len(seen) == count
    assert classifier.folded == 2
    net(IMAGES)
    assert len(seen) == count + 1


def test_copies_carry_no_backward_hooks() -> None:
    calls: list[object] = []
    net = flattened()
    net[0].register_full_backward_hook(lambda *_: calls.append(None))
    images = IMAGES.clone().requires_grad_()
    torch.autograd.grad(copied(net)(images).sum(), images)
    assert calls == []


def _halve(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
    args[0].mul_(0.5)


@pytest.mark.parametrize(
    ("register", "hook"),
    [
        ("register_forward_pre_hook", lambda _module, args: (args[0] * 2 - 1,)),
        ("register_forward_hook", lambda _module, _args, output: output * 3),
        ("register_forward_pre_hook", _halve),
    ],
)
def test_hooks_that_change_values_are_kept(register: str, hook: Callable[..., object]) -> None:
    net = average_pooled().eval()
    getattr(net, register)(hook)
    with torch.no_grad():
        expected = net(IMAGES.clone())
    torch.testing.assert_close(copied(net).logits(IMAGES), expected, rtol=1e-4, atol=1e-5)


def test_hook_that_computes_a_weight_is_kept() -> None:
    def standardize(module: nn.Module, _args: object) -> None:
        weight = module.raw_weight
        assert isinstance(weight, Tensor)
        module.weight = weight / weight.std()

    net = average_pooled()
    layer = net.get_submodule("0.3")
    layer.raw_weight = nn.Parameter(layer.weight.detach() * 5)  # type: ignore[operator]
    del layer.weight
    layer.register_forward_pre_hook(standardize)
    net(IMAGES)
    assert_same_logits(copied(net), net)


# ---- weights computed in each forward pass


def _old_weight_norm(layer: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, but in use
        weight_norm(layer)


COMPUTED: dict[str, Callable[[nn.Module], object]] = {
    "weight norm": _old_weight_norm,
    "spectral norm": spectral_norm,
    "parametrized weight norm": parametrizations.weight_norm,
    "parametrized spectral norm": parametrizations.spectral_norm,
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    "pruned channels": lambda layer: prune.ln_structured(layer, "weight", 0.5, n=2, dim=0),
    "pruned twice": lambda layer: [prune.random_unstructured(layer, "weight", 0.3) for _ in range(2)],
    "pruned bias": lambda layer: prune.l1_unstructured(layer, "bias", 2),
}


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("kind", COMPUTED)
def test_computed_weights_are_copied_and_folded(kind: str, frozen: bool) -> None:
    net = randomized(average_pooled())
    for name in ("0.0", "0.3", "3"):
        COMPUTED[kind](net.get_submodule(name))
    net(IMAGES)  # computes the weights, and updates the vectors of spectral norm
    net.requires_grad_(not frozen)
    classifier = copied(net)
    assert_same_logits(classifier, net)
    assert classifier.folded == 2
    assert classifier.split.dense == "3"
    weight = net.get_submodule("3").weight
    assert isinstance(weight, Tensor)
    torch.testing.assert_close(classifier.weights, weight.detach())


def test_copies_have_no_effect_on_pruned_originals() -> None:
    net = average_pooled()
    prune.l1_unstructured(net.get_submodule("0.3"), "weight", 0.5)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    copied(net)
    assert net.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert prune.is_pruned(net)


# ---- attributes


def _unique_objects() -> dict[str, object]:
    net = average_pooled()
    return {
        "computed tensor": net(IMAGES),
        "computed tensors in a dictionary": {"maps": [net[0](IMAGES)]},
        "lock": threading.Lock(),
        "generator": (value for value in range(3)),
        "library": torch,
    }


@pytest.mark.parametrize("kind", list(_unique_objects()))
def test_attributes_that_cannot_be_copied(kind: str) -> None:
    net = randomized(pooled_into(nn.Linear(6, 4)))
    vars(net.get_submodule("0"))["kept"] = _unique_objects()[kind]
    classifier = copied(net)
    assert_same_logits(classifier, net)
    assert classifier.folded == 2
