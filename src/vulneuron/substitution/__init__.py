"""Engines behind the vulnerability maps: what the network says when a patch of an image is substituted."""

from vulneuron.substitution.dense import Dense, substituted
from vulneuron.substitution.engine import Cancel, Engine, Progress, watched
from vulneuron.substitution.grid import PatchGrid, default_patch

__all__ = [
    "Cancel",
    "Dense",
    "Engine",
    "PatchGrid",
    "Progress",
    "default_patch",
    "substituted",
    "watched",
]
