"""Engines behind the vulnerability maps: the logits of images one patch of which is substituted."""

from vulneuron.engines.dense import Dense, substituted
from vulneuron.engines.engine import ENGINES, Batch, Cancel, Engine, EngineName, Progress, watched
from vulneuron.engines.incremental import Incremental

__all__ = [
    "ENGINES",
    "Batch",
    "Cancel",
    "Dense",
    "Engine",
    "EngineName",
    "Incremental",
    "Progress",
    "substituted",
    "watched",
]
