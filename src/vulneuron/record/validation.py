"""Checks that a record is complete and consistent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vulneuron.record.layers import RecordLayer
from vulneuron.record.schema import ADVERSARIAL, BENIGN, PAIR_VARIABLES, Variable, layer_variables
from vulneuron.record.store import Record

if TYPE_CHECKING:
    import xarray as xr

_TOLERANCE = 1e-3
_BLOCK = 256


def problems(record: Record) -> Iterator[str]:
    """Yield one message per problem of a record."""
    if not record.complete:
        yield "the run is unfinished"
        return
    shape_problems = list(_shape_problems(record))
    yield from shape_problems
    if not shape_problems:
        for start in range(0, record.dataset.sizes["pair"], _BLOCK):
            yield from _value_problems(record, slice(start, start + _BLOCK))
        yield from _count_problems(record)


def _shape_problems(record: Record) -> Iterator[str]:
    yield from _group_problems(record, PAIR_VARIABLES, "")
    for name in record.layers:
        layer = record.layer(name)
        yield from _group_problems(layer, layer_variables(linear=layer.linear), f"{name}: ")
    if record.dataset.sizes["class"] != len(record.class_names):
        yield "the number of class names differs from that of the logits"


def _group_problems(
    group: Record | RecordLayer, variables: Mapping[str, Variable], where: str
) -> Iterator[str]:
    for name, variable in variables.items():
        if name not in group.dataset.variables:
            yield f"{where}{name} is missing"
        elif group.dataset[name].dims != variable.dims:
            yield f"{where}{name} has dimensions {group.dataset[name].dims}, expected {variable.dims}"
        elif variable.dtype is not str and group.array(name).dtype != variable.dtype:
            yield f"{where}{name} is {group.array(name).dtype}, expected {np.dtype(variable.dtype)}"


def _value_problems(record: Record, block: slice) -> Iterator[str]:
    data = record.dataset.drop_vars("image").isel(pair=block).load()
    where = f"pairs {block.start} to {block.start + data.sizes['pair'] - 1}"
    yield from _unbounded(data, where)
    logits = data["logit"].values
    benign, adversarial = data["benign_label"].values, data["adversarial_label"].values
    if (logits[:, BENIGN].argmax(-1) != benign).any():
        yield f"benign labels of {where} are not the predictions on the benign images"
    if (logits[:, ADVERSARIAL].argmax(-1) != adversarial).any():
        yield f"adversarial labels of {where} are not the predictions on the adversarial images"
    if (benign == adversarial).any():
        yield f"{where} include a pair with two equal labels"
    for name in record.layers:
        layer = record.layer(name).dataset.isel(pair=block).load()
        yield from _unbounded(layer, f"{where} in {name}")
        if "weight" in layer:
            recomputed = layer["activation"].values @ layer["weight"].values.T + layer["bias"].values
            if _relative_error(recomputed, logits) > _TOLERANCE:
                yield f"activations and weights of {where} in {name} do not reproduce the logits"
    change = record.images(block, "adversarial") - record.images(block, "benign")
    change = np.abs(change.reshape(len(logits), -1))
    for name, norms in (("l2", np.linalg.norm(change, axis=1)), ("linf", change.max(axis=1))):
        if not np.allclose(norms, data[f"perturbation_{name}"].values, rtol=1e-4, atol=1e-6):
            yield f"{name} norms of {where} do not match the images"


def _unbounded(data: xr.Dataset, where: str) -> Iterator[str]:
    numeric = [name for name in data.variables if data[name].dtype.kind == "f"]
    bad = [str(name) for name in numeric if not np.isfinite(data[name].values).all()]
    if bad:
        yield f"{', '.join(bad)} of {where} contain NaN or infinity"


def _count_problems(record: Record) -> Iterator[str]:
    counts: dict[str, Any] = record.attributes["counts"]
    if counts["pairs"] != record.dataset.sizes["pair"]:
        yield f"the record has {record.dataset.sizes['pair']} pairs, but its counts say {counts['pairs']}"
    if counts["successes"] != (record.run_images["outcome"] == "success").sum():
        yield "the number of successes differs from the table of all images"


def _relative_error(result: npt.NDArray[Any], reference: npt.NDArray[Any]) -> float:
    return float(np.abs(result - reference).max() / max(np.abs(reference).max(), np.finfo(np.float32).tiny))
