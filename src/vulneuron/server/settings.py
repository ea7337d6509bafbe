"""Settings for the page of a record: their declarations, adapted to the record."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vulneuron.analysis import Analysis, Settings
from vulneuron.analysis.declarations import Integer, Number, Setting, Value
from vulneuron.analysis.settings import GROUPS
from vulneuron.maps.grid import default_patch
from vulneuron.measures.choices import Choice
from vulneuron.server.record_models import ChoiceModel, SettingModel

Ints = npt.NDArray[np.int64]
#: Points per side of vulnerability maps that take seconds, not minutes.
_GRID = 32
_OFFERED_GRIDS = (16, _GRID, 64)
_SAMPLED_PAIRS = 32
#: The page shows exact maps, which are the same with either exact engine.
_NOT_OFFERED = ("engine",)


def dashboard_settings(analysis: Analysis, pairs: Ints | None = None) -> Settings:
    """The record's suggested settings, with a stride of vulnerability maps for interactive use.

    It is the finest stride for which most pairs already have maps, as computed by `vulneuron maps`. Without
    such maps, it is the stride that gives about 32 points per side.

    Parameters
    ----------
    analysis
        Analysis of a record.
    pairs
        The pairs that matter; a sample of all if None.
    """
    suggested = analysis.suggested_settings
    quick = max(1, round(max(analysis.data.image_size) / _GRID))
    if pairs is None:
        pairs = np.unique(np.linspace(0, analysis.data.count - 1, _SAMPLED_PAIRS).astype(int))
    for stride in range(1, quick):
        settings = suggested.replace(stride=stride)
        if len(analysis.pairs_with_maps(pairs, settings=settings)) > len(pairs) / 2:
            return settings
    return suggested.replace(stride=quick)


def described_settings(analysis: Analysis) -> dict[str, list[SettingModel]]:
    """Declarations of the settings that the page offers, by group, with their ranges in a record."""
    size = analysis.data.image_size
    implied: dict[str, Value] = {"threshold_level": analysis.layer_threshold, "patch": default_patch(size)}
    return {
        group: [
            _described(name, _for_images(name, setting, size), implied.get(name))
            for name, setting in kind.declared().items()
            if name not in _NOT_OFFERED
        ]
        for group, kind in GROUPS.items()
    }


def _described(name: str, setting: Setting, implied: Value) -> SettingModel:
    ends: dict[str, Any] = {}
    if isinstance(setting, Number):
        ends = {end: getattr(setting, end) for end in ("at_least", "above", "at_most", "below")}
    if isinstance(setting, Integer):
        ends["multiple_of"] = setting.multiple_of
    return SettingModel(
        name=name,
        label=setting.label,
        meaning=setting.meaning,
        kind=setting.kind,
        choices=described_choices(setting.choices),
        **ends,
        null=setting.null,
        implied=implied,
    )


def described_choices(choices: Mapping[Any, Choice]) -> list[ChoiceModel]:
    """Allowed words or recommended numbers, with their texts."""
    return [
        ChoiceModel(
            value=value,
            label=choice.label,
            meaning=choice.meaning,
            legend=list(choice.legend),
            implies=dict(choice.implies),
            limits={other: list(ends) for other, ends in choice.limits.items()},
        )
        for value, choice in choices.items()
    ]


def _for_images(name: str, setting: Setting, size: tuple[int, int]) -> Setting:
    """The setting with its range for images of a size ``(y, x)``, and recommended values."""
    if isinstance(setting, Integer) and name == "stride":
        return replace(setting, at_most=max(size), choices=_strides(size))
    if isinstance(setting, Integer) and name == "patch":
        return replace(setting, at_most=2 * max(size), choices=_patches(size))
    return setting


def _strides(size: tuple[int, int]) -> dict[int, Choice]:
    """Strides, coarse ones first, labeled with their grids."""
    strides = {1, *(max(1, round(max(size) / grid)) for grid in _OFFERED_GRIDS)}
    return {stride: _stride(stride, size) for stride in sorted(strides, reverse=True)}


def _stride(stride: int, size: tuple[int, int]) -> Choice:
    rows, columns = (math.ceil(side / stride) for side in size)
    step = "pixel" if stride == 1 else f"{stride} pixels"
    return Choice(
        f"{columns} \N{MULTIPLICATION SIGN} {rows}",
        f"A patch every {step}: {rows * columns} images through the network",
    )


def _patches(size: tuple[int, int]) -> dict[int, Choice]:
    """Even sides of patches: about half the default, the default, and twice the default."""
    default = default_patch(size)
    sides = {max(2, 2 * round(side / 2)) for side in (default / 2, default, 2 * default)}
    return {
        side: Choice(f"{side} px", "The default" if side == default else f"Patches of {side} x {side} pixels")
        for side in sorted(sides)
        if side <= min(size) or side == default
    }
