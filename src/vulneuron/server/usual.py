"""The settings that the dashboard of a record starts with."""

from dataclasses import replace

import numpy as np

from vulneuron.analysis import Analysis, Settings

#: Maps of so many points a side take seconds, not minutes.
_GRID = 32
_SAMPLED_PAIRS = 32


def usual_settings(analysis: Analysis) -> Settings:
    """The record's suggested settings, with a stride of vulnerability maps that suits a click.

    It is the finest stride for which most pairs have their maps already, as made by `vulneuron maps`; without
    such maps, the one that makes about 32 points a side.
    """
    suggested = analysis.suggested_settings
    quick = max(1, round(max(analysis.data.image_size) / _GRID))
    pairs = np.unique(np.linspace(0, analysis.data.count - 1, _SAMPLED_PAIRS).astype(int))
    for stride in range(1, quick):
        settings = replace(suggested, stride=stride)
        if len(analysis.pairs_with_maps(pairs, settings=settings)) > len(pairs) / 2:
            return settings
    return replace(suggested, stride=quick)
