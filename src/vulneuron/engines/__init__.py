"""Engines for vulnerability maps: the logits of images with one patch substituted."""

from vulneuron.engines.dense import Dense, substituted
from vulneuron.engines.engine import (
    ENGINES,
    UNWATCHED,
    Batch,
    Cancel,
    Engine,
    EngineName,
    Progress,
    Watch,
)
from vulneuron.engines.incremental import Incremental

__all__ = [
    "ENGINES",
    "UNWATCHED",
    "Batch",
    "Cancel",
    "Dense",
    "Engine",
    "EngineName",
    "Incremental",
    "Progress",
    "Watch",
    "substituted",
]
