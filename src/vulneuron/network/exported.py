"""Graphs of `torch.export`, whose layers are functions, as networks of modules."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload
from torch.utils._pytree import TreeSpec, tree_unflatten

_aten = torch.ops.aten
#: Functions of a value and a shape, which may begin with the batch size of the export.
_RESHAPING = {_aten.view.default, _aten.reshape.default, _aten._unsafe_view.default}


def is_exported(module: nn.Module) -> bool:
    """Whether a module is a graph of functions, from ``torch.export.export(...).module()``."""
    if not isinstance(module, fx.GraphModule) or not hasattr(module, "_out_spec"):
        return False
    return any(
        node.op == "call_function" and isinstance(node.target, OpOverload) for node in module.graph.nodes
    )


def with_named_layers(exported: fx.GraphModule) -> fx.GraphModule:
    """A network of one module per function of an exported graph, without the guards of the export.

    Modules have the names of the original model's, as far as the graph contains them. Convolutions, dense
    layers and batch normalizations become modules of these types. Batches may have any size.
    """
    graph, layers = fx.Graph(), dict[str, nn.Module]()
    nodes = [node for node in exported.graph.nodes if node.users or node.op in ("placeholder", "output")]
    names, batch = _names(nodes), _batch_size(nodes)
    constants: dict[fx.Node, Any] = {}
    copies: dict[fx.Node, fx.Node] = {}
    for node in nodes:
        if node.op == "get_attr":
            constants[node] = _attribute(exported, str(node.target))
        elif node.op == "output":
            outputs = fx.node.map_arg(node.args[0], copies.__getitem__)
            graph.output(_unflattened(graph, list(outputs), cast(TreeSpec, exported._out_spec)))
        elif node.op == "call_function" and _is_layer(node):
            args = _for_any_batch(node, batch)
            inputs = [read for read in _nodes((args, node.kwargs)) if read not in constants]
            layers[names[node]] = _layer(node, args, constants)
            copies[node] = graph.call_module(names[node], tuple(copies[read] for read in inputs))
        else:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    network = fx.GraphModule({**layers}, graph)
    network.graph.eliminate_dead_code()
    network.recompile()
    network.training = False
    return network


def _is_layer(node: fx.Node) -> bool:
    return isinstance(node.target, OpOverload) and isinstance(node.meta.get("val"), Tensor | None)


def _names(nodes: list[fx.Node]) -> dict[fx.Node, str]:
    """A name for each layer: that of its module if it is alone in there."""
    layers = [node for node in nodes if node.op == "call_function" and _is_layer(node)]
    paths = {node: _path(node) for node in layers}
    count = Counter(paths.values())
    parents = {path[:end] for path in count for end, letter in enumerate(path) if letter == "."}
    names: dict[fx.Node, str] = {}
    taken = set(count) | parents
    for node, path in paths.items():
        name = path
        if not path or count[path] > 1 or path in parents:
            name = f"{path}.{node.name}" if path else node.name
            while name in taken:
                name += "_"
            taken.add(name)
        names[node] = name
    return names


def _path(node: fx.Node) -> str:
    stack: Mapping[str, tuple[str, Any]] = node.meta.get("nn_module_stack") or {}
    path = ["", *(path for path, _ in stack.values())][-1]
    # Later calls of a module have names such as "relu@1".
    return path.partition("@")[0]


def _batch_size(nodes: list[fx.Node]) -> int | None:
    """Batch size of the export, if it is fixed."""
    images = next((node.meta.get("val") for node in nodes if node.op == "placeholder"), None)
    size = images.shape[0] if isinstance(images, Tensor) and images.ndim else None
    return size if isinstance(size, int) else None


def _for_any_batch(node: fx.Node, batch: int | None) -> tuple[Any, ...]:
    """Arguments of a function, without the batch size in a shape."""
    if node.target in _RESHAPING:
        values, shape = node.args[:2]
        first, *rest = cast(Sequence[Any], shape)
        if (isinstance(first, fx.Node) or first == batch) and -1 not in rest and not _nodes(rest):
            return values, [-1, *rest]
    return node.args


def _nodes(values: Any) -> list[fx.Node]:
    """Distinct nodes in nested arguments, in their order."""
    nodes: dict[fx.Node, None] = {}
    fx.node.map_arg(values, nodes.setdefault)
    return list(nodes)


def _layer(node: fx.Node, args: tuple[Any, ...], constants: Mapping[fx.Node, Any]) -> nn.Module:
    schema = cast(OpOverload, node.target)._schema
    values = {argument.name: argument.default_value for argument in schema.arguments}
    values |= dict(zip(values, args, strict=False)) | node.kwargs
    values = {
        name: constants.get(value, value) if isinstance(value, fx.Node) else value
        for name, value in values.items()
    }
    build = _BUILDERS.get(node.target)
    weights = {name: value for name, value in values.items() if name != "input"}
    if build is not None and not values.get("training") and not _nodes(weights):
        return build(weights)
    graph = fx.Graph()
    reads = _nodes((args, node.kwargs))
    copies = {read: graph.placeholder(read.name) for read in reads if read not in constants}
    copies |= {read: graph.get_attr(read.name) for read in reads if read in constants}
    new_args, new_kwargs = fx.node.map_arg((args, node.kwargs), copies.__getitem__)
    graph.output(graph.call_function(cast(OpOverload, node.target), new_args, new_kwargs))
    return fx.GraphModule({read.name: constants[read] for read in reads if read in constants}, graph)


def _convolution(values: Mapping[str, Any]) -> nn.Module:
    weight, bias, groups = values["weight"], values["bias"], values["groups"]
    options = {name: values[name] for name in ("stride", "padding", "dilation")}
    options = {name: value if isinstance(value, str) else _pair(value) for name, value in options.items()}
    outputs, inputs, *kernel = weight.shape
    layer = nn.Conv2d(
        inputs * groups,
        outputs,
        tuple(kernel),
        groups=groups,
        bias=bias is not None,
        device="meta",
        **options,
    )
    return _with_weights(layer, weight=weight, bias=bias)


def _pair(values: Sequence[int]) -> tuple[int, int]:
    first, *_, last = values
    return first, last


def _dense(values: Mapping[str, Any]) -> nn.Module:
    weight, bias = values["weight"], values["bias"]
    outputs, inputs = weight.shape
    return _with_weights(
        nn.Linear(inputs, outputs, bias=bias is not None, device="meta"), weight=weight, bias=bias
    )


def _batch_norm(values: Mapping[str, Any]) -> nn.Module:
    names = ("weight", "bias", "running_mean", "running_var")
    weight, mean = values["weight"], values["running_mean"]
    layer = nn.BatchNorm2d(len(mean), eps=values["eps"], affine=weight is not None, device="meta")
    del layer.num_batches_tracked
    layer.register_buffer("num_batches_tracked", None)
    return _with_weights(layer, **{name: values[name] for name in names})


def _with_weights(layer: nn.Module, **weights: Any) -> nn.Module:
    for name, weight in weights.items():
        is_parameter = name in layer._parameters and weight is not None
        setattr(layer, name, nn.Parameter(weight, requires_grad=False) if is_parameter else weight)
    return layer.eval()


_BUILDERS: dict[Any, Callable[[Mapping[str, Any]], nn.Module]] = {
    _aten.conv2d.default: _convolution,
    _aten.conv2d.padding: _convolution,
    _aten.linear.default: _dense,
    _aten.batch_norm.default: _batch_norm,
}


def _unflattened(graph: fx.Graph, outputs: list[Any], spec: TreeSpec) -> Any:
    if spec.is_leaf():
        return outputs[0]
    return graph.call_function(partial(tree_unflatten, treespec=spec), (outputs,))


def _attribute(root: nn.Module, path: str) -> Any:
    attribute: Any = root
    for name in path.split("."):
        attribute = getattr(attribute, name)
    return attribute
