"""How much faster than dense an exact engine can be, counted in multiplications."""

import math

import numpy as np
from torch import fx, nn

from vulneuron.engines.incremental.geometry import Ints, Spans
from vulneuron.engines.incremental.steps import Steps


def multiplications(steps: Steps) -> dict[fx.Node, float]:
    """Multiplications of each convolution and dense layer on one image; nothing else counts beside them."""
    counts = {}
    for step in steps.steps:
        shape, module = steps.shapes[step.node], step.module
        if shape is not None and isinstance(module, nn.Conv2d | nn.Linear):
            counts[step.node] = float(math.prod(shape) * module.weight[0].numel())
    return counts


def limit(steps: Steps, spans: Spans, centers: Ints) -> float:
    r"""Ratio of multiplications, dense over incremental, if only changed regions are computed.

    .. math:: \frac{\sum_l m_l}{\sum_l m_l \overline{A_l}}

    with :math:`m_l` the multiplications of layer l on a whole map and :math:`\overline{A_l}` the part of its
    output that a patch can change, averaged over the patches: borders and alignments count as they are.
    """
    counts = multiplications(steps)
    needed = sum(
        count * (float(np.mean(spans.areas(node, centers))) if node in spans.rows else 1.0)
        for node, count in counts.items()
    )
    return sum(counts.values()) / needed
