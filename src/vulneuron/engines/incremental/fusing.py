"""Fuses steps between feature maps, such as the views of a channel shuffle, into one step.

Tuples, five-dimensional views and single channels are not feature maps, so a step that returns or reads them
cannot be analyzed by itself. All steps from one feature map to the next together can.
"""

from typing import Any

from torch import Tensor, fx, nn

from vulneuron.network.graphs import call_node

_MOST_NODES = 32
_ONE_CELL = (1, 1)


class FusedSteps:
    """Several nodes of a graph as one function.

    Parameters
    ----------
    nodes
        The nodes, in the order of execution; the last one is the result.
    reads
        Nodes whose values are the arguments.
    modules
        The network's modules by name.
    """

    def __init__(
        self, nodes: list[fx.Node], reads: tuple[fx.Node, ...], modules: dict[str, nn.Module]
    ) -> None:
        # A graph names a call after its function.
        self.__name__ = f"to_{nodes[-1].name}"
        # Copies, because the nodes are erased from their graph.
        graph = fx.Graph()
        copies = {read: graph.placeholder(read.name) for read in reads}
        self._arguments = tuple(copies.values())
        for node in nodes:
            copies[node] = graph.node_copy(node, copies.__getitem__)
        self._steps = [(copies[node], modules.get(str(node.target))) for node in nodes]

    def __call__(self, *arguments: Any) -> Any:
        """The result, from the values of `reads`."""
        values: dict[fx.Node, Any] = dict(zip(self._arguments, arguments, strict=True))
        for node, module in self._steps:
            values[node] = call_node(node, module if node.op == "call_module" else None, values)
        return values[self._steps[-1][0]]


class _MapSizes(fx.Interpreter):
    """Runs a graph and collects ``(y, x)`` of its feature maps."""

    def __init__(self, root: nn.Module, graph: fx.Graph) -> None:
        super().__init__(root, graph=graph)
        self.sizes: dict[fx.Node, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run a node."""
        value = super().run_node(n)
        if n.op != "output" and isinstance(value, Tensor) and value.ndim == 4:
            self.sizes[n] = tuple(value.shape[2:])
        return value


def fuse_steps(graph: fx.Graph, root: nn.Module, probe: Tensor) -> None:
    """Replace the steps between feature maps by one step, in place.

    Parameters
    ----------
    graph
        Graph of the network; its first node is the images.
    root
        The network.
    probe
        ``(1, channel, y, x)``.
    """
    interpreter = _MapSizes(root, graph)
    interpreter.run(probe.clone())
    sizes, modules = interpreter.sizes, dict(root.named_modules())
    dependent = {next(iter(graph.nodes))}
    inside: set[fx.Node] = set()
    for node in list(graph.nodes):
        reads = dependent.intersection(node.all_input_nodes)
        if node.op == "output" or not reads:
            continue
        dependent.add(node)
        if sizes.get(node, _ONE_CELL) == _ONE_CELL or reads <= sizes.keys():
            continue
        nodes, sources = _nodes_between_maps(node, dependent, sizes)
        if len(nodes) > _MOST_NODES or len({sizes[source] for source in sources}) != 1:
            continue
        others = [read for step in nodes for read in step.all_input_nodes if read not in dependent]
        arguments = (*sources, *dict.fromkeys(others))
        with graph.inserting_after(node):
            fused = graph.call_function(FusedSteps(nodes, arguments, modules), arguments)
        node.replace_all_uses_with(fused)
        sizes[fused] = sizes[node]
        dependent.add(fused)
        inside.update(nodes)
    # Only these are erased: other nodes that nothing reads may change a value in place.
    for node in reversed(list(graph.nodes)):
        if node in inside and not node.users:
            graph.erase_node(node)


def _nodes_between_maps(
    result: fx.Node, dependent: set[fx.Node], sizes: dict[fx.Node, tuple[int, ...]]
) -> tuple[list[fx.Node], list[fx.Node]]:
    """Nodes from feature maps to a result, in the order of execution, and these feature maps."""
    inside, sources, pending = {result}, dict[fx.Node, None](), [result]
    while pending:
        for read in dependent.intersection(pending.pop().all_input_nodes) - inside:
            if read in sizes:
                sources[read] = None
            else:
                inside.add(read)
                pending.append(read)
    return [node for node in result.graph.nodes if node in inside], list(sources)
