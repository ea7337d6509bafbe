"""A network as a list of steps, each with what it does to a changed region of its inputs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from vulneuron.engines.incremental.operations import Opaque, Operation, operation_of
from vulneuron.network import Classifier
from vulneuron.network.graphs import traced_graph
from vulneuron.network.probes import max_relative_error, probe_images

Values = dict[fx.Node, Any]
_TOLERANCE = 1e-5
_SEED = 2
_PLAIN = (int, float, torch.Size, torch.dtype, torch.device)


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of the network.

    Attributes
    ----------
    node
        What is called, and with which arguments.
    module
        The module that is called, if it is one.
    reads
        Inputs that depend on the image, each once.
    operation
        What the step does to a changed region.
    last
        Nodes that no later step reads, of those it reads and itself. A step that changes in place what it
        reads is the last one to read it.
    """

    node: fx.Node
    module: nn.Module | None
    reads: tuple[fx.Node, ...]
    operation: Operation
    last: tuple[fx.Node, ...]

    def __call__(self, values: Values, constants: Values) -> Any:
        """Output of the step for values of `reads`, which it may change; the rest is in `constants`."""
        found = {node: values[node] for node in self.reads}
        return _call(self.node, self.module, {**constants, **found} if constants else found)


@dataclass(frozen=True, eq=False)
class Steps:
    """A network, step by step.

    Attributes
    ----------
    image
        The node of the images.
    result
        The node of the logits.
    steps
        In the order in which they are done; those that do not depend on the image are left out.
    constants
        Values that do not depend on the image.
    shapes
        Shape of each step's output for one image; None where it is no tensor.
    """

    image: fx.Node
    result: fx.Node
    steps: tuple[Step, ...]
    constants: Values
    shapes: dict[fx.Node, tuple[int, ...] | None]

    def outputs(self, images: Tensor) -> Iterator[tuple[fx.Node, Any]]:
        """Every step's output on whole images, one after the other; the next step may change it in place."""
        values: Values = {self.image: images.clone()}
        for step in self.steps:
            values[step.node] = step(values, self.constants)
            yield step.node, values[step.node]
            for node in step.last:
                del values[node]

    def result_of(self, images: Tensor) -> Any:
        """The last step's output on whole images."""
        result = None
        for _, output in self.outputs(images):
            result = output
        return result


def steps_of(classifier: Classifier) -> Steps | None:
    """The steps of a classifier; None if `torch.fx` cannot trace it, or what it traced is not the network."""
    graph = traced_graph(classifier.module)
    if graph is None:
        return None
    probe = probe_images(classifier.input_shape, _SEED).to(classifier.device)
    probe = probe.contiguous(memory_format=torch.channels_last)
    # No inference mode: its tensors do not count their in-place changes.
    with torch.inference_mode(False), torch.no_grad():
        try:
            steps = _read(graph, classifier.module, probe[:1])
            found = [] if steps is None else [steps.result_of(image) for image in probe.split(1)]
        except (RuntimeError, TypeError, ValueError, LookupError, AssertionError, AttributeError):
            return None
        if steps is None or not all(isinstance(logits, Tensor) for logits in found):
            return None
        # Control flow and modules that are called in place can make a graph that is another function.
        faithful = max_relative_error(torch.cat(found).float(), classifier.logits(probe)) <= _TOLERANCE
    return steps if faithful else None


def _read(graph: fx.Graph, root: nn.Module, probe: Tensor) -> Steps | None:
    """The steps of a graph up to its result, run once on an image.

    None if there are none, or if one changes in place what a later one reads.
    """
    modules = dict(root.named_modules())
    *nodes, output = graph.nodes
    image = next(node for node in nodes if node.op == "placeholder")
    result = output.args[0]
    if not isinstance(result, fx.Node):
        return None
    order = {node: index for index, node in enumerate(graph.nodes)}
    last_reader = {read: node for node in graph.nodes for read in node.all_input_nodes}
    # What comes after the result does not count, but might change it in place.
    behind = nodes[order[result] + 1 :]
    last_step = {read: node for node in graph.nodes if node not in behind for read in node.all_input_nodes}
    values: Values = {image: probe}
    constants: Values = {}
    # The first node with the memory that is behind a node's value.
    memory: Values = {image: image}
    shapes: dict[fx.Node, tuple[int, ...] | None] = {image: tuple(probe.shape)}
    steps: list[Step] = []
    for node in nodes:
        if node.op == "placeholder":
            constants.setdefault(node, node.args[0] if node.args else None)
            continue
        module = modules[str(node.target)] if node.op == "call_module" else None
        reads = tuple(read for read in node.all_input_nodes if read in values)
        if not reads:
            constants[node] = (
                _attribute(root, str(node.target))
                if node.op == "get_attr"
                else _call(node, module, constants)
            )
            continue
        copies = {read: _copied(values[read]) for read in reads}
        versions = {read: getattr(value, "_version", 0) for read, value in copies.items()}
        value = values[node] = _call(node, module, {**constants, **copies})
        shapes[node] = tuple(value.shape) if isinstance(value, Tensor) else None
        mutated = {memory[read] for read in reads if getattr(copies[read], "_version", 0) != versions[read]}
        # What was made before and has this memory would be read with its new values.
        if any(
            memory[other] in mutated and order[last_reader.get(other, other)] > order[node]
            for other in memory
        ):
            return None
        memory[node] = next((memory[read] for read in reads if _shares(value, copies[read])), node)
        if node not in behind:
            last = tuple(it for it in (*reads, node) if last_step.get(it, it) is node)
            steps.append(Step(node, module, reads, _operation(node, module, reads, constants, values), last))
        for it in (*reads, node):
            if last_reader.get(it, it) is node:
                del values[it]
    return Steps(image, result, tuple(steps), constants, shapes) if steps and result in values else None


def _operation(
    node: fx.Node, module: nn.Module | None, reads: tuple[fx.Node, ...], constants: Values, values: Values
) -> Operation:
    inputs = [values[read] for read in reads]
    if not all(isinstance(it, Tensor) for it in inputs):
        return Opaque()

    def function(*arguments: Tensor) -> Any:
        return _call(node, module, {**constants, **dict(zip(reads, arguments, strict=True))})

    return operation_of(function, module, (node.target, node.args, node.kwargs), inputs)


def _call(node: fx.Node, module: nn.Module | None, values: Values) -> Any:
    args: Any = fx.node.map_arg(node.args, lambda read: values[read])
    kwargs: Any = fx.node.map_arg(node.kwargs, lambda read: values[read])
    if module is not None:
        return module(*args, **kwargs)
    if node.op == "call_method":
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)
    return node.target(*args, **kwargs)  # type: ignore[operator]


def _shares(value: Any, other: Any) -> bool:
    """Whether two values may have memory in common; a tuple may hold some of anything."""
    if isinstance(value, Tensor) and isinstance(other, Tensor):
        return value.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
    return not isinstance(value, _PLAIN) and not isinstance(other, _PLAIN)


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _attribute(root: nn.Module, name: str) -> Any:
    found: Any = root
    for part in name.split("."):
        found = getattr(found, part)
    return found
