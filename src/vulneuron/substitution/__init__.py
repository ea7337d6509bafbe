"""Engines behind the vulnerability maps: what the network says when a patch of an image is substituted."""

from vulneuron.substitution.dense import Dense, substituted
from vulneuron.substitution.engine import Batch, Cancel, Engine, Progress, watched
from vulneuron.substitution.grid import PatchGrid, default_patch
from vulneuron.substitution.incremental import Incremental

__all__ = [
    "Batch",
    "Cancel",
    "Dense",
    "Engine",
    "Incremental",
    "PatchGrid",
    "Progress",
    "default_patch",
    "substituted",
    "watched",
]
