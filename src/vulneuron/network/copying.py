"""Private copies of a user's model, whose weights are plain parameters and whose hooks only compute."""

import functools
import types
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm
from torch.overrides import TorchFunctionMode

from vulneuron.errors import ModelError, one_line
from vulneuron.network.process_state import quiet
from vulneuron.network.tracing import tensors_in
from vulneuron.network.unwrapping import unwrap_submodules, unwrapped
from vulneuron.network.weights import check_weights

_WEIGHT_HOOKS = (WeightNorm, SpectralNorm, BasePruningMethod)
_Hook = Callable[..., Any]
_Memo = dict[int, Any]


class _Detaching(TorchFunctionMode):
    """Lets `copy.deepcopy` copy results of computations, without their graphs."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call the function, or copy its input."""
        if func is Tensor.__deepcopy__ and not args[0].is_leaf:
            source, memo = args
            copied: Tensor = memo.setdefault(id(source), source.detach().clone())
            return copied
        return func(*args, **(kwargs or {}))


def prepared(model: nn.Module, *, copy: bool) -> nn.Module:
    """Return a model in eval mode, without wrappers and parameter gradients: a copy, or the model itself.

    Weights that are computed from others in each forward pass (pruning, weight and spectral normalization)
    become plain parameters. A copy has no hooks that only observe the model: it never calls them again.

    Raises
    ------
    ModelError
        If the model is TorchScript, has no floating-point weights, or cannot be copied.
    """
    check_weights(model)
    model = unwrapped(model)
    try:
        if copy:
            memo: _Memo = {}
            model = deep_copy(model, memo)
            _isolate_hooks(model, memo)
        unwrap_submodules(model)
        model.eval()
        with torch.no_grad(), quiet():
            for module in model.modules():
                _store_weights(module)
        model.requires_grad_(False)
    except Exception as error:
        raise ModelError(
            f"the model cannot be {'copied' if copy else 'prepared'} ({one_line(error)})",
            allowed="a module that copy.deepcopy and eval work on",
            fix="remove the attribute that cannot be copied, and load the weights into a fresh model",
        ) from error
    return model


def deep_copy(model: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """Copy a model like `copy.deepcopy`; computed tensors are detached, attributes without copies shared."""
    shared = dict(memo)
    with _Detaching():
        try:
            return deepcopy(model, memo)
        # Locks, open files, generators and the like.
        except Exception:
            memo.clear()
            memo.update(shared)
            for module in model.modules():
                for value in vars(module).values():
                    if not isinstance(value, Mapping | nn.Module):
                        _try_copy(value, memo)
            return deepcopy(model, memo)


def _try_copy(value: Any, memo: _Memo) -> Any:
    """A copy, or the object itself if it cannot be copied."""
    try:
        return deepcopy(value, memo)
    except Exception:
        memo[id(value)] = value
        return value


def _store_weights(module: nn.Module) -> None:
    """Replace weights that are computed in each forward pass by parameters."""
    hooks = module._forward_pre_hooks
    for key, hook in list(hooks.items()):
        if isinstance(hook, _WEIGHT_HOOKS):
            hook.remove(module)
            del hooks[key]
    if parametrize.is_parametrized(module):
        names = list(cast(nn.ModuleDict, module.parametrizations))
        values = {name: getattr(module, name).detach() for name in names}
        # Not `remove_parametrizations`, which changes the class that the original shares.
        module.__class__ = type(module).__bases__[0]
        del module.parametrizations
        for name, value in values.items():
            module.register_parameter(name, nn.Parameter(value, requires_grad=False))
    for name, value in vars(module).items():
        if isinstance(value, Tensor) and value.requires_grad:
            vars(module)[name] = value.detach()


# ---- hooks


def remove_observers(net: nn.Module, run: Callable[[], object]) -> None:
    """Remove the hooks of a network that change neither values nor tensors of modules in a run.

    Parameters
    ----------
    net
        The network.
    run
        Runs the network.
    """
    effective: set[int] = set()
    tables = [table for module in net.modules() for table in _hook_tables(module)]
    originals = [dict(table) for table in tables]
    if not any(originals):
        return
    for table in tables:
        for key, hook in table.items():
            table[key] = functools.partial(_watched, hook, effective)
    try:
        with torch.no_grad(), quiet():
            run()
    finally:
        for table, hooks in zip(tables, originals, strict=True):
            for key, hook in hooks.items():
                if id(hook) in effective:
                    table[key] = hook
                else:
                    del table[key]


def _watched(hook: _Hook, effective: set[int], module: nn.Module, *values: Any) -> Any:
    """Call a hook, and collect its identity if the call has an effect on the forward pass."""
    before = _state(module, values)
    result = hook(module, *values)
    if result is not None or _state(module, values) != before:
        effective.add(id(hook))
    return result


def _state(module: nn.Module, values: tuple[Any, ...]) -> list[tuple[int, int]]:
    # Parameters and buffers are in dictionaries of the module.
    tensors = tensors_in((vars(module), values))
    return [(id(tensor), 0 if tensor.is_inference() else tensor._version) for tensor in tensors]


def _hook_tables(module: nn.Module) -> tuple[dict[int, _Hook], ...]:
    return module._forward_hooks, module._forward_pre_hooks


def _isolate_hooks(net: nn.Module, memo: _Memo) -> None:
    """Make the hooks of a copy work on copies of all objects that they refer to."""
    for module in net.modules():
        module._backward_hooks.clear()
        module._backward_pre_hooks.clear()
        for table in _hook_tables(module):
            for key, hook in table.items():
                if not isinstance(hook, _WEIGHT_HOOKS):
                    with _Detaching():
                        table[key] = _isolated(hook, memo)


def _isolated(hook: Any, memo: _Memo) -> Any:
    """A copy of a function that refers to copies of objects; `copy.deepcopy` does not copy functions."""
    if isinstance(hook, functools.partial):
        arguments = [_isolated(value, memo) for value in hook.args]
        keywords = {name: _isolated(value, memo) for name, value in hook.keywords.items()}
        return functools.partial(_isolated(hook.func, memo), *arguments, **keywords)
    if not isinstance(hook, types.FunctionType):
        return _try_copy(hook, memo)
    if id(hook) in memo:
        return memo[id(hook)]
    names = [name for name in hook.__code__.co_names if name in hook.__globals__]
    own = {**hook.__globals__}
    cells = tuple(types.CellType() for _ in hook.__closure__ or ())
    copied = types.FunctionType(hook.__code__, own, hook.__name__, hook.__defaults__, cells)
    copied.__kwdefaults__ = hook.__kwdefaults__
    memo[id(hook)] = copied
    for name in names:
        value = own[name]
        # Functions of other modules are those of libraries.
        same_module = getattr(value, "__globals__", hook.__globals__) is hook.__globals__
        own[name] = _isolated(value, memo) if same_module else value
    for cell, source in zip(cells, hook.__closure__ or (), strict=True):
        cell.cell_contents = _isolated(source.cell_contents, memo)
    return copied
