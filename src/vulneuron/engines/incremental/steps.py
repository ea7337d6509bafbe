"""A network as a list of steps, each with its effect on a changed region of its inputs."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from vulneuron.engines.incremental.fusing import fuse_steps
from vulneuron.engines.incremental.operations import Opaque, Operation, classify_operation
from vulneuron.network import Classifier
from vulneuron.network.graphs import call_node, traced_graph
from vulneuron.network.outputs import Logits, skip_last_softmax
from vulneuron.network.probes import max_relative_error, probe_images

Values = dict[fx.Node, Any]
Shapes = dict[fx.Node, tuple[int, ...] | None]
_TOLERANCE = 1e-5
_SEED = 2
#: Values without memory that a tensor could share.
_PLAIN = (int, float, torch.Size, torch.dtype, torch.device)


@dataclass(frozen=True, eq=False)
class NetworkStep:
    """One operation of the network.

    Attributes
    ----------
    node
        The call and its arguments.
    module
        The module that is called, if it is one.
    reads
        Inputs that depend on the image, without duplicates.
    operation
        The effect of the step on a changed region.
    last
        Nodes, among those it reads and itself, that no later step reads. A step that changes an input in
        place is the last one to read it.
    """

    node: fx.Node
    module: nn.Module | None
    reads: tuple[fx.Node, ...]
    operation: Operation
    last: tuple[fx.Node, ...]

    def __call__(self, values: Values, constants: Values) -> Any:
        """Output of the step, from the values of `reads`, which it may change, and from constants."""
        inputs = {node: values[node] for node in self.reads}
        return call_node(self.node, self.module, {**constants, **inputs} if constants else inputs)


@dataclass(frozen=True, eq=False)
class NetworkSteps:
    """A network, step by step.

    Attributes
    ----------
    image
        The node of the images.
    result
        The node of the logits.
    steps
        In the order of execution, without those that do not depend on the image.
    constants
        Values that do not depend on the image.
    shapes
        Shape of each step's output for one image; None if it is not a tensor.
    """

    image: fx.Node
    result: fx.Node
    steps: tuple[NetworkStep, ...]
    constants: Values
    shapes: Shapes

    def outputs(self, images: Tensor) -> Iterator[tuple[fx.Node, Any]]:
        """Each step's output on whole images, one by one; the next step may change it in place."""
        values: Values = {self.image: images.clone()}
        for step in self.steps:
            values[step.node] = step(values, self.constants)
            yield step.node, values[step.node]
            for node in step.last:
                del values[node]

    def final_output(self, images: Tensor) -> Any:
        """The last step's output on whole images."""
        final = None
        for _, output in self.outputs(images):
            final = output
        return final

    def multiplications(self) -> dict[fx.Node, float]:
        """Multiplications of each convolution and dense layer on one image; others are negligible."""
        counts = {}
        for step in self.steps:
            shape, module = self.shapes[step.node], step.module
            if shape is not None and isinstance(module, nn.Conv2d | nn.Linear):
                counts[step.node] = float(math.prod(shape) * module.weight[0].numel())
        return counts


def trace_steps(classifier: Classifier) -> NetworkSteps | None:
    """The steps of a classifier; None if `torch.fx` cannot trace it, or traces a different function."""
    graph = traced_graph(classifier.module)
    if graph is None:
        return None
    if isinstance(classifier.module, Logits):
        skip_last_softmax(graph, classifier.module)
    probe = probe_images(classifier.input_shape, _SEED).to(classifier.device)
    probe = probe.contiguous(memory_format=torch.channels_last)
    # Not in inference mode, whose tensors do not count in-place changes.
    with torch.inference_mode(False), torch.no_grad():
        try:
            fuse_steps(graph, classifier.module, probe[:1])
            steps = _read_graph(graph, classifier.module, probe[:1])
            outputs = [] if steps is None else [steps.final_output(image) for image in probe.split(1)]
        except (RuntimeError, TypeError, ValueError, LookupError, AssertionError, AttributeError):
            return None
        if steps is None or not all(isinstance(output, Tensor) for output in outputs):
            return None
        # Control flow, and modules changed by their own calls, can yield a graph of another function.
        faithful = max_relative_error(torch.cat(outputs).float(), classifier.logits(probe)) <= _TOLERANCE
    return steps if faithful else None


def _read_graph(graph: fx.Graph, root: nn.Module, probe: Tensor) -> NetworkSteps | None:
    """The steps of a graph up to its result, which it runs once on an image.

    None without steps, or if one modifies a value that a later one reads.
    """
    *nodes, output = graph.nodes
    image = next(node for node in nodes if node.op == "placeholder")
    result = output.args[0]
    if not isinstance(result, fx.Node):
        return None
    reader = _GraphReader(graph, root, image, probe, result)
    for node in nodes:
        if node.op == "placeholder":
            reader.constants.setdefault(node, node.args[0] if node.args else None)
        elif not reader.inputs(node):
            reader.add_constant(node)
        elif not reader.add_step(node):
            return None
    if not reader.steps or result not in reader.values:
        return None
    return NetworkSteps(image, result, tuple(reader.steps), reader.constants, reader.shapes)


class _GraphReader:
    """Runs a graph node by node on a probe, and collects its steps.

    Nodes after the result are not steps, but they are run as well, because they might change it in place.
    """

    def __init__(
        self, graph: fx.Graph, root: nn.Module, image: fx.Node, probe: Tensor, result: fx.Node
    ) -> None:
        self._root, self._modules = root, dict(root.named_modules())
        self._order = {node: index for index, node in enumerate(graph.nodes)}
        self._last_reader = _last_readers(graph.nodes)
        nodes = list(graph.nodes)[:-1]
        self._after_result = set(nodes[self._order[result] + 1 :])
        self._last_step = _last_readers([node for node in graph.nodes if node not in self._after_result])
        #: The first node that owns the memory of each node's value.
        self._memory = {image: image}
        self.values: Values = {image: probe}
        self.constants: Values = {}
        self.shapes: Shapes = {image: tuple(probe.shape)}
        self.steps: list[NetworkStep] = []

    def inputs(self, node: fx.Node) -> tuple[fx.Node, ...]:
        """Inputs that depend on the image."""
        return tuple(read for read in node.all_input_nodes if read in self.values)

    def add_constant(self, node: fx.Node) -> None:
        """Compute a node that does not depend on the image."""
        self.constants[node] = (
            _attribute(self._root, str(node.target))
            if node.op == "get_attr"
            else call_node(node, self._module(node), self.constants)
        )

    def add_step(self, node: fx.Node) -> bool:
        """Run a node that depends on the image; False if it modifies a value that a later node reads."""
        reads, module = self.inputs(node), self._module(node)
        copies = {read: _copied(self.values[read]) for read in reads}
        versions = {read: getattr(value, "_version", 0) for read, value in copies.items()}
        value = self.values[node] = call_node(node, module, {**self.constants, **copies})
        self.shapes[node] = tuple(value.shape) if isinstance(value, Tensor) else None
        changed = {
            self._memory[read] for read in reads if getattr(copies[read], "_version", 0) != versions[read]
        }
        if self._is_read_later(changed, node):
            return False
        shared = (self._memory[read] for read in reads if _share_memory(value, copies[read]))
        self._memory[node] = next(shared, node)
        if node not in self._after_result:
            last = tuple(read for read in (*reads, node) if self._last_step.get(read, read) is node)
            operation = _operation(node, module, reads, self.constants, self.values)
            self.steps.append(NetworkStep(node, module, reads, operation, last))
        for read in (*reads, node):
            if self._last_reader.get(read, read) is node:
                del self.values[read]
        return True

    def _module(self, node: fx.Node) -> nn.Module | None:
        return self._modules[str(node.target)] if node.op == "call_module" else None

    def _is_read_later(self, owners: set[fx.Node], node: fx.Node) -> bool:
        """Whether a node after this one reads an earlier value in memory of these owners."""
        return any(
            owner in owners and self._order[self._last_reader.get(earlier, earlier)] > self._order[node]
            for earlier, owner in self._memory.items()
        )


def _last_readers(nodes: Iterable[fx.Node]) -> dict[fx.Node, fx.Node]:
    return {read: node for node in nodes for read in node.all_input_nodes}


def _operation(
    node: fx.Node, module: nn.Module | None, reads: tuple[fx.Node, ...], constants: Values, values: Values
) -> Operation:
    inputs = [values[read] for read in reads]
    if not all(isinstance(value, Tensor) for value in inputs):
        return Opaque()

    def function(*arguments: Tensor) -> Any:
        return call_node(node, module, {**constants, **dict(zip(reads, arguments, strict=True))})

    return classify_operation(function, module, (node.target, node.args, node.kwargs), inputs)


def _share_memory(value: Any, other: Any) -> bool:
    """Whether two values may share memory; a tuple may hold tensors."""
    if isinstance(value, Tensor) and isinstance(other, Tensor):
        return value.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
    return not isinstance(value, _PLAIN) and not isinstance(other, _PLAIN)


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _attribute(root: nn.Module, path: str) -> Any:
    attribute: Any = root
    for name in path.split("."):
        attribute = getattr(attribute, name)
    return attribute
