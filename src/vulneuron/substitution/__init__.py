"""Engines behind the vulnerability maps: what the network says when a patch of an image is substituted."""

from vulneuron.substitution.anytime import Stage, stages
from vulneuron.substitution.batch_size import MEMORY
from vulneuron.substitution.dense import Dense, substituted
from vulneuron.substitution.engine import ENGINES, Batch, Cancel, Engine, EngineName, Progress, watched
from vulneuron.substitution.grid import PatchGrid, default_patch
from vulneuron.substitution.incremental import Incremental
from vulneuron.substitution.preview import preview

__all__ = [
    "ENGINES",
    "MEMORY",
    "Batch",
    "Cancel",
    "Dense",
    "Engine",
    "EngineName",
    "Incremental",
    "PatchGrid",
    "Progress",
    "Stage",
    "default_patch",
    "preview",
    "stages",
    "substituted",
    "watched",
]
