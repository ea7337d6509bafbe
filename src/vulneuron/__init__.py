"""Vulneuron: which neurons of a CNN are vulnerable to an adversarial attack, and what they capture."""

from vulneuron._version import __version__
from vulneuron.analysis import Analysis, Settings, load_classifier
from vulneuron.attacks import FGSM, PGD, Attack, FoolboxAttack, TorchattacksAttack
from vulneuron.engines import Watch
from vulneuron.errors import VulneuronError
from vulneuron.maps.image_pair import ImagePair
from vulneuron.maps.vulnerability_map import vulnerability_maps
from vulneuron.network import Classifier
from vulneuron.pipeline import analyze
from vulneuron.record import Record, open_record
from vulneuron.server.notebook import Dashboard, show

__all__ = [
    "FGSM",
    "PGD",
    "Analysis",
    "Attack",
    "Classifier",
    "Dashboard",
    "FoolboxAttack",
    "ImagePair",
    "Record",
    "Settings",
    "TorchattacksAttack",
    "VulneuronError",
    "Watch",
    "__version__",
    "analyze",
    "load_classifier",
    "open_record",
    "show",
    "vulnerability_maps",
]
