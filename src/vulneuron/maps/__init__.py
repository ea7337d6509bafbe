"""Vulnerability maps: the vulnerable regions of an image, computed with the network."""

from vulneuron.maps.grid import PatchGrid, default_patch
from vulneuron.maps.image_pair import ImagePair
from vulneuron.maps.points import MapPoints
from vulneuron.maps.stages import MapStage, StageName
from vulneuron.maps.vulnerability_map import VulnerabilityMaps, vulnerability_maps

__all__ = [
    "ImagePair",
    "MapPoints",
    "MapStage",
    "PatchGrid",
    "StageName",
    "VulnerabilityMaps",
    "default_patch",
    "vulnerability_maps",
]
