"""Networks inside wrappers: compiled, parallel, averaged and exported models."""

from inspect import unwrap
from types import MethodType

from torch import fx, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from vulneuron.errors import ModelError
from vulneuron.network.exported import is_exported, with_named_layers

_WRAPPERS = (DataParallel, DistributedDataParallel, AveragedModel)


def unwrapped(model: nn.Module) -> nn.Module:
    """The network inside wrappers that compute the same function.

    These are `torch.compile`, `DataParallel`, `DistributedDataParallel`, `AveragedModel`, and modules without
    a forward method of their own that keep the network as ``module`` (timm's ``ModelEma``). The layers of a
    graph from `torch.export` become modules.
    """
    while (inner := _inner(model)) is not None:
        model = inner
    if isinstance(model, fx.GraphModule) and is_exported(model):
        return with_named_layers(model)
    return model


def layer_names(model: nn.Module, layers: object) -> list[str] | None:
    """Dotted names of layers, each one a name or a module of the model; None for None.

    Raises
    ------
    ModelError
        If a layer is neither.
    """
    if layers is None:
        return None
    names = {id(module): name for name, module in unwrapped(model).named_modules()}
    chosen = layers if isinstance(layers, list | tuple) else [layers]
    for layer in chosen:
        if not isinstance(layer, str) and id(layer) not in names:
            raise ModelError(
                f"the layer is a {type(layer).__name__} that is not part of the model",
                allowed="the dotted name of a layer, or a module of the model",
                fix="pass a name from model.named_modules(), such as 'layer4'",
            )
    return [layer if isinstance(layer, str) else names[id(layer)] for layer in chosen]


def unwrap_submodules(model: nn.Module) -> None:
    """Replace wrapped submodules of a model by the networks inside, at any depth, in place."""
    for name, child in list(model.named_children()):
        network = unwrapped(child)
        if network is not child:
            setattr(model, name, network)
        unwrap_submodules(network)
    _restore_forward(model)


def _inner(model: nn.Module) -> nn.Module | None:
    children = dict(model.named_children())
    if "_orig_mod" in children:
        return children["_orig_mod"]
    has_forward = type(model).forward is not nn.Module.forward
    return children.get("module") if isinstance(model, _WRAPPERS) or not has_forward else None


def _restore_forward(model: nn.Module) -> None:
    """Undo ``model.forward = torch.compile(model.forward)``, whose copies would run the original model."""
    compiled = getattr(vars(model).get("forward"), "_torchdynamo_orig_callable", None)
    if compiled is not None:
        method = unwrap(compiled)
        model.forward = MethodType(getattr(method, "__func__", method), model)
