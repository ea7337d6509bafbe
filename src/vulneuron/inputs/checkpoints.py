"""Weights from files, never unpickled; checks and digests of weights."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vulneuron.errors import ModelError, one_line
from vulneuron.inputs.specs import Spec

# Keys under which training scripts store the state dict, next to optimizer state and arguments. Those of
# averaged weights come last.
_NESTED = (
    *("state_dict", "model_state_dict", "model", "net"),
    *("state_dict_ema", "ema_state_dict", "model_ema", "ema_model", "ema"),
)
_AVERAGED = ("ema", "swa", "average", "teacher")
_PARALLEL, _COMPILED = "module.", "_orig_mod."
_COUNTER = "num_batches_tracked"
_SHOWN = 3


@dataclass(frozen=True)
class Checkpoint:
    """Weights from a file.

    Attributes
    ----------
    tensors
        Names to tensors, on the CPU.
    others
        Keys of the other state dicts in the file, such as those of averaged weights.
    """

    tensors: dict[str, Tensor]
    others: tuple[str, ...] = ()


def load_checkpoint(path: str | Path, key: str | None = None) -> Checkpoint:
    """Read a state dict from a file of plain tensors.

    A state dict nested under a common key (``state_dict``, ``model_state_dict``, ``model``, ``net``, and
    their averages, such as ``state_dict_ema``) is unwrapped, and the prefixes of `torch.nn.DataParallel` and
    `torch.compile` are removed.

    Parameters
    ----------
    path
        A ``.safetensors`` file, or any file that ``torch.load(weights_only=True)`` reads.
    key
        Key of the state dict, if the file contains several; None for the weights that are not averaged.

    Raises
    ------
    ModelError
        The file does not exist, is damaged, needs unpickling, or contains anything but tensors.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise ModelError(
            f"given checkpoint {str(path)!r}, which is not a file",
            allowed="a .safetensors file, or a state dict saved with torch.save",
            fix="check the path",
        )
    loaded = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    others: tuple[str, ...] = ()
    if isinstance(loaded, Mapping):
        keys = [str(name) for name, value in loaded.items() if _is_state_dict(value)]
        if key is not None:
            loaded = _entry(loaded, key, keys, path)
        elif len(keys) > 1:
            chosen = next((name for name in _NESTED if name in keys), None)
            others = tuple(name for name in keys if name != chosen and name in _NESTED)
    return Checkpoint(_without_prefixes(_tensors(loaded, path)), others)


def _is_state_dict(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(v, Tensor) for v in value.values())


def _entry(loaded: Mapping[str, object], key: str, keys: Sequence[str], path: Path) -> object:
    """The entry of a file with this key, or its tensors whose names begin with the key."""
    if key in loaded:
        return loaded[key]
    tensors = _tensors(loaded, path)
    prefix = key if key.endswith(".") else f"{key}."
    selected = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    if not selected:
        raise ModelError(
            f"given checkpoint_key={key} for {str(path)!r}, which contains no such weights",
            allowed=", ".join(keys) or "the first part of the tensors' names",
            fix="leave it out, or use one of these",
        )
    return selected


def _read_safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"given checkpoint {str(path)!r}, which cannot be read ({one_line(error)})",
            allowed="a .safetensors file, or a state dict saved with torch.save",
            fix="download or save the file again",
        ) from error


def _read_torch(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    # Damaged files and pickled objects raise many kinds of errors, none of them documented.
    except Exception as error:
        raise ModelError(
            f"given checkpoint {str(path)!r}, which is damaged or contains more than plain tensors"
            f" ({type(error).__name__}); it is not unpickled, because that could run arbitrary code",
            allowed="a .safetensors file, or a state dict saved with torch.save",
            fix="save the weights with safetensors.torch.save_file(model.state_dict(), 'model.safetensors')",
        ) from error


def _tensors(loaded: object, path: Path) -> dict[str, Tensor]:
    while isinstance(loaded, Mapping):
        if loaded and all(isinstance(value, Tensor) for value in loaded.values()):
            return {str(name): value for name, value in loaded.items()}
        nested = next((name for name in _NESTED if isinstance(loaded.get(name), Mapping)), None)
        if nested is None:
            break
        loaded = loaded[nested]
    contents = (
        f"keys {_first(sorted(map(str, loaded)))}" if isinstance(loaded, Mapping) else type(loaded).__name__
    )
    raise ModelError(
        f"given checkpoint {str(path)!r}, which contains no state dict but {contents}",
        allowed=f"a dict of tensors, alone or under one of the keys {', '.join(_NESTED)}",
        fix="save model.state_dict() alone",
    )


def _without_prefixes(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    tensors = {name.replace(_COMPILED, ""): tensor for name, tensor in tensors.items()}
    while all(name.startswith(_PARALLEL) for name in tensors):
        tensors = {name.removeprefix(_PARALLEL): tensor for name, tensor in tensors.items()}
    return tensors


def _aligned(tensors: dict[str, Tensor], own: Sequence[str]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors under the names of a module, which the file or the module may extend by a prefix.

    Prefixes are those of wrappers, such as ``model.`` in checkpoints of Lightning. The second value contains
    other prefixes under which the file has weights for the module.
    """
    needed = [name for name in own if not name.endswith(_COUNTER)]
    if not needed or all(name in tensors for name in needed):
        return tensors, ()
    last = needed[-1]
    prefixes = [name.removesuffix(last) for name in tensors if name.endswith(f".{last}")]
    prefixes = [prefix for prefix in prefixes if all(prefix + name in tensors for name in needed)]
    if prefixes:
        chosen = min(prefixes, key=lambda prefix: any(word in prefix for word in _AVERAGED))
        selected = {
            name.removeprefix(chosen): tensor for name, tensor in tensors.items() if name.startswith(chosen)
        }
        return selected, tuple(prefix.rstrip(".") for prefix in prefixes if prefix != chosen)
    for end in (index + 1 for index, letter in enumerate(last) if letter == "."):
        prefix = last[:end]
        if all(name.startswith(prefix) and name.removeprefix(prefix) in tensors for name in needed):
            return {prefix + name: tensor for name, tensor in tensors.items()}, ()
    return tensors, ()


def apply_checkpoint(module: nn.Module, path: str | Path, key: str | None = None) -> tuple[str, ...]:
    """Load the weights of a file into a module, in place; returns notes.

    Tensors are cast to the module's dtypes. Batch counters (``num_batches_tracked``) may be missing, as they
    do not affect predictions. Prefixes of names that wrappers add, and tensors beside those with the prefix,
    are ignored.

    Parameters
    ----------
    module
        The module.
    path, key
        As for `load_checkpoint`; `key` may also be a prefix of names.

    Raises
    ------
    ModelError
        Like `load_checkpoint`; or tensors are missing, unexpected, of another shape, NaN or infinite.
    """
    checkpoint = load_checkpoint(path, key)
    own = {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}
    tensors, prefixes = _aligned(checkpoint.tensors, list(own))
    missing = [name for name in own if name not in tensors and not name.endswith(_COUNTER)]
    unexpected = [name for name in tensors if name not in own]
    reshaped = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(value.shape)}"
        for name, value in own.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    faults = [
        f"{len(names)} {fault} ({_first(names)})"
        for names, fault in ((missing, "missing"), (unexpected, "unexpected"), (reshaped, "of another shape"))
        if names
    ]
    if faults:
        raise ModelError(
            f"given checkpoint {str(path)!r}, which does not fit the model: {', '.join(faults)}",
            allowed=f"the {len(own)} tensors of {type(module).__name__}",
            fix="check the architecture and the number of classes (num_classes=N)",
        )
    _check_finite(tensors, f"checkpoint {str(path)!r}")
    module.load_state_dict(tensors, strict=False)
    others = (*checkpoint.others, *prefixes)
    if not others:
        return ()
    note = (
        f"The checkpoint also contains {_first(others)}; add &checkpoint_key={others[0]} for these weights."
    )
    return (note,)


def apply_checkpoint_option(module: nn.Module, spec: Spec) -> tuple[str, ...]:
    """Load the weights of a spec's ``checkpoint`` into a module, if it has one; returns notes.

    Raises
    ------
    ModelError
        Like `apply_checkpoint`; or ``checkpoint_key`` without ``checkpoint``.
    """
    path, key = spec.options.get("checkpoint"), spec.options.get("checkpoint_key")
    if path is not None:
        return apply_checkpoint(module, path, key)
    if key is not None:
        raise ModelError(
            f"given checkpoint_key={key} without a checkpoint in {spec.text!r}",
            allowed="checkpoint_key=KEY with checkpoint=FILE",
            fix="add &checkpoint=FILE, or leave it out",
        )
    return ()


def check_finite(module: nn.Module) -> None:
    """Refuse a module with NaN or infinite weights.

    Raises
    ------
    ModelError
        The message names the first such tensor.
    """
    _check_finite(module.state_dict(), f"model {type(module).__name__}")


def _check_finite(tensors: Mapping[str, object], owner: str) -> None:
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor) and tensor.is_floating_point() and not _is_finite(tensor):
            count = int((~torch.isfinite(tensor)).sum())
            raise ModelError(
                f"given {owner} with {count} NaN or infinite values in the tensor {name!r}",
                allowed="finite weights",
                fix="use weights from before the training diverged",
            )


def _is_finite(tensor: Tensor) -> bool:
    # The extremes are NaN if any value is, and need no memory for a mask.
    return tensor.numel() == 0 or all(bool(extreme.isfinite()) for extreme in tensor.aminmax())


def model_digest(module: nn.Module) -> str:
    """Fingerprint of a model's weights.

    Returns
    -------
    str
        SHA-256 in hexadecimal over names, dtypes, shapes and bytes of the state dict, ordered by name. It
        does not depend on device or memory layout.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if isinstance(tensor, Tensor):
            digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
