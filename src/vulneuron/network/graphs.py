"""Symbolic tracing of networks, safe while other threads run networks."""

from collections.abc import Callable, Mapping
from threading import get_ident
from typing import Any

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vulneuron.network.process_state import PROCESS_STATE, quiet


class _Tracer(fx.Tracer):
    """Traces only calls of its own thread; subclasses of convolution and normalization are leaf modules.

    `torch.fx` replaces `nn.Module.__call__` and `__getattr__` for the whole process while it traces. Calls of
    other threads also arrive here, and run unchanged.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is not traced internally."""
        return isinstance(m, nn.Conv2d | _BatchNorm) or super().is_leaf_module(m, module_qualified_name)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Record a call of this thread; run a call of another thread."""
        if get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, fx.Proxy]) -> Any:
        """Replace a parameter by its proxy, in this thread."""
        if get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


def traced_graph(module: nn.Module) -> fx.Graph | None:
    """Graph of the operations of a module's forward pass; None if `torch.fx` cannot trace it.

    One thread traces at a time, while others may run networks.
    """
    try:
        with PROCESS_STATE, quiet():
            return _Tracer().trace(module)
    # Tracing runs user code on symbolic values, which can raise anything.
    except Exception:
        return None


def call_node(node: fx.Node, module: nn.Module | None, values: Mapping[fx.Node, Any]) -> Any:
    """Result of a call in a graph, from the values of the nodes that it reads; `module` is called, if any."""
    args: Any = fx.node.map_arg(node.args, lambda read: values[read])
    kwargs: Any = fx.node.map_arg(node.kwargs, lambda read: values[read])
    if module is not None:
        return module(*args, **kwargs)
    if node.op == "call_method":
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)
    return node.target(*args, **kwargs)  # type: ignore[operator]
