"""Folds batch normalizations into convolutions, in networks that `torch.fx` can trace."""

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vulneuron.network.copying import deep_copy
from vulneuron.network.graphs import traced_graph


def folded_copy(net: nn.Module) -> tuple[nn.Module, int]:
    """A copy with folded batch normalizations that shares the other tensors, and the number of folded ones.

    It is the network itself, and 0, if there are none, or it cannot be copied.
    """
    if not any(isinstance(module, _BatchNorm) for module in net.modules()):
        return net, 0
    try:
        # Folding replaces modules and modifies no tensors.
        copied = deep_copy(net, {id(tensor): tensor for tensor in (*net.parameters(), *net.buffers())})
    # A model that was not copied before may have attributes that cannot be copied.
    except Exception:
        return net, 0
    return copied, fold_batch_norms(copied)


def fold_batch_norms(model: nn.Module) -> int:
    r"""Fold each batch normalization into the convolution before it, in place.

    In eval mode, :math:`\gamma (Wx + b - \mu) / \sqrt{\sigma^2 + \epsilon} + \beta` is also a convolution.
    The names of modules do not change: a folded normalization is replaced by the identity, or by the
    activation that it includes (timm's ``BatchNormAct2d``).

    Parameters
    ----------
    model
        A network in eval mode, which is modified in place.

    Returns
    -------
    int
        Number of folded normalizations; 0 if `torch.fx` cannot trace the model.
    """
    graph = traced_graph(model)
    if graph is None:
        return 0
    modules = dict(model.named_modules())
    pairs = [pair for node in graph.nodes if (pair := _conv_and_norm(node, modules)) is not None]
    called = [node.target for node in graph.nodes if node.op == "call_module"]
    shared = {id(module) for name, module in modules.items() if called.count(name) > 1}
    folded = 0
    for conv_name, norm_name in pairs:
        conv, norm = modules[conv_name], modules[norm_name]
        if id(conv) in shared or id(norm) in shared or not isinstance(conv, nn.Conv2d):
            continue
        if _has_hooks(conv) or _has_hooks(norm):
            continue
        if not isinstance(norm, _BatchNorm) or norm.running_mean is None:
            continue
        _replace(model, conv_name, fuse_conv_bn_eval(conv, norm))
        _replace(model, norm_name, _included_activation(norm))
        folded += 1
    return folded


def _conv_and_norm(node: fx.Node, modules: dict[str, nn.Module]) -> tuple[str, str] | None:
    if node.op != "call_module" or not isinstance(modules[str(node.target)], _BatchNorm):
        return None
    source = node.args[0] if node.args else None
    if not isinstance(source, fx.Node) or source.op != "call_module" or len(source.users) > 1:
        return None
    # No subclasses: timm's weight-standardized convolution computes its weight in the forward pass.
    if type(modules[str(source.target)]) is not nn.Conv2d:
        return None
    return str(source.target), str(node.target)


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _included_activation(norm: nn.Module) -> nn.Module:
    steps = [step for name in ("drop", "act") if isinstance(step := getattr(norm, name, None), nn.Module)]
    return nn.Sequential(*steps) if steps else nn.Identity()


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    module.train(False)
    setattr(model.get_submodule(parent), child, module)
