"""Steps that tests classify as local, sliding or a mean, and steps that stay opaque."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from victims import PreciseConv
from vulneuron.engines.incremental.operations import (
    Affine,
    Local,
    Mean,
    Opaque,
    Sliding,
    classify_operation,
)

LOCAL: dict[str, Callable[..., Any]] = {
    "activation": F.hardswish,
    "sum": lambda a: a + 1.5,
    "normalization": nn.BatchNorm2d(4).eval(),
    "1x1 convolution": nn.Conv2d(4, 3, 1),
    "softmax over channels": lambda a: a.softmax(1),
}
SLIDING: dict[str, nn.Module] = {
    "convolution": nn.Conv2d(4, 3, (3, 2), stride=(1, 2), padding=(0, 1), dilation=(2, 1)),
    "depthwise": nn.Conv2d(4, 4, 3, padding=1, groups=4),
    "same": nn.Conv2d(4, 3, 5, padding="same"),
    "maximum pooling": nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "average pooling": nn.AvgPool2d(2),
    "padded average pooling": nn.AvgPool2d(3, 1, 1),
}
AFFINE: dict[str, Callable[..., Any]] = {
    "nearest": nn.Upsample(scale_factor=2),
    "bilinear": lambda a: F.interpolate(a, (14, 23), mode="bilinear"),
    "bilinear with aligned corners": nn.UpsamplingBilinear2d(scale_factor=2),
    "bicubic": lambda a: F.interpolate(a, (20, 17), mode="bicubic"),
    "smaller": lambda a: F.interpolate(a, (5, 6), mode="nearest"),
    "smaller, smoothed": lambda a: F.interpolate(a, (6, 7), mode="bilinear", antialias=True),
    "transposed convolution": nn.ConvTranspose2d(4, 3, 3, stride=2),
    "transposed with parametrized weights": nn.utils.parametrizations.weight_norm(
        nn.ConvTranspose2d(4, 3, 3)
    ),
    "average of the cells inside": nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "other precision": PreciseConv(4, 3, 3),
    "pixel shuffle": nn.PixelShuffle(2),
    "position embedding": lambda a: a + torch.ones(1, 4, 9, 11).cumsum(2),
    "reflected padding": nn.ReflectionPad2d(1),
    "repeated cells": lambda a: a.repeat_interleave(2, 2).repeat_interleave(3, 3),
}
OPAQUE: dict[str, Callable[..., Any]] = {
    "softmax over rows": lambda a: a.softmax(2),
    "running sum": lambda a: a.cumsum(3),
    "flipped": lambda a: a.flip(2),
    "whole-map normalization": nn.GroupNorm(2, 4),
    "padding that wraps around": nn.Conv2d(4, 3, 3, padding=1, padding_mode="circular"),
    "channels apart": lambda a: a.chunk(2, 1),
    "position embedding": lambda a: (a + torch.ones(1, 4, 9, 8).cumsum(2)).relu(),
    "fixed size": lambda a: a.reshape(1, 4, 9, 8),
    "maximum": lambda a: a.amax((2, 3)),
}


def classify(function: Callable[..., Any], *inputs: Tensor) -> object:
    module = function if isinstance(function, nn.Module) else None
    with torch.no_grad():
        return classify_operation(function, module, (function, inputs, {}), inputs)


@pytest.mark.parametrize("name", LOCAL)
def test_point_wise_steps_are_local(name: str) -> None:
    assert isinstance(classify(LOCAL[name], torch.rand(1, 4, 9, 8)), Local)


def blanked(features: Tensor, rows: slice, columns: slice) -> Tensor:
    features = features.clone()
    features[:, :, rows, columns] = 0
    return features


@pytest.mark.parametrize("rows", [slice(0, 1), slice(2, 4), slice(7, 8), slice(-2, -1), slice(-1, None)])
@pytest.mark.parametrize("columns", [slice(0, 1), slice(5, 7), slice(-1, None), slice(None)])
def test_a_step_that_treats_some_cells_differently_is_not_local(rows: slice, columns: slice) -> None:
    features = torch.rand(1, 4, 9, 8)
    assert isinstance(classify(lambda features: blanked(features, rows, columns), features), Affine)
    assert isinstance(classify(lambda features: blanked(features, rows, columns).exp(), features), Opaque)


@pytest.mark.parametrize("size", [(1, 8), (9, 1), (1, 1)])
def test_feature_maps_of_one_row_or_column_are_local(size: tuple[int, int]) -> None:
    assert isinstance(classify(torch.relu, torch.rand(1, 4, *size)), Local)


def test_steps_with_several_inputs_are_local_if_shapes_match() -> None:
    one, other = torch.rand(2, 1, 4, 9, 8)
    assert isinstance(classify(lambda a, b: torch.cat([a, b], 1), one, other), Local)
    assert isinstance(classify(torch.sub, one, other), Local)
    assert isinstance(classify(lambda a, b: torch.cat([a, b], 2), one, other), Opaque)
    assert isinstance(classify(torch.mul, one, other[:, :, :1, :1]), Opaque)


@pytest.mark.parametrize("name", SLIDING)
def test_convolutions_and_pooling_slide(name: str) -> None:
    assert isinstance(classify(SLIDING[name].eval(), torch.rand(1, 4, 9, 8)), Sliding)


@pytest.mark.parametrize("name", AFFINE)
def test_affine_steps_know_which_outputs_an_input_affects(name: str) -> None:
    features = torch.rand(1, 4, 9, 11)
    operation = classify(AFFINE[name], features)
    assert isinstance(operation, Affine)
    with torch.no_grad():
        before = AFFINE[name](features)
        for row, column in ((0, 0), (4, 7), (8, 10)):
            changed = features.clone()
            changed[:, :, row, column] += 1
            differs = (AFFINE[name](changed) != before).any(1)[0]
            for spread, index, outputs in (
                (operation.rows, row, differs.any(1)),
                (operation.columns, column, differs.any(0)),
            ):
                inside = torch.zeros_like(outputs)
                inside[spread.first[index] : spread.last[index] + 1] = True
                assert not (outputs & ~inside).any()
                assert int(inside.sum()) <= int(outputs.sum()) + 1


@pytest.mark.parametrize("name", OPAQUE)
def test_other_steps_are_opaque(name: str) -> None:
    assert isinstance(classify(OPAQUE[name], torch.rand(1, 4, 9, 8)), Opaque)


@pytest.mark.parametrize("function", [nn.AdaptiveAvgPool2d(1), lambda a: a.mean((2, 3))])
def test_global_average_pooling_is_a_mean(function: Callable[..., Any]) -> None:
    assert isinstance(classify(function, torch.rand(1, 4, 9, 8)), Mean)


def test_vectors_and_integers_are_opaque() -> None:
    assert isinstance(classify(torch.relu, torch.rand(1, 4)), Opaque)
    assert isinstance(classify(torch.abs, torch.ones(1, 4, 3, 3, dtype=torch.int64)), Opaque)
