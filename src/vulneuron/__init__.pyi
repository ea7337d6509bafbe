from ._version import __version__
from .analysis import Analysis, Settings, load_classifier
from .attacks import FGSM, PGD, Attack, FoolboxAttack, TorchattacksAttack
from .engines import Watch
from .errors import VulneuronError
from .maps import ImagePair, vulnerability_maps
from .network import Classifier
from .pipeline import analyze
from .record import Finding, Findings, Group, Groups, Record, open_record
from .server.notebook import Dashboard, show

__all__ = [
    "FGSM",
    "PGD",
    "Analysis",
    "Attack",
    "Classifier",
    "Dashboard",
    "Finding",
    "Findings",
    "FoolboxAttack",
    "Group",
    "Groups",
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
