"""Vulneuron: which neurons of a CNN are vulnerable to an adversarial attack, and what they capture."""

from vulneuron._version import __version__
from vulneuron.attacks import FGSM, PGD, Attack, FoolboxAttack, TorchattacksAttack
from vulneuron.errors import VulneuronError
from vulneuron.network import Classifier
from vulneuron.pipeline import analyze
from vulneuron.record import Record, open_record

__all__ = [
    "FGSM",
    "PGD",
    "Attack",
    "Classifier",
    "FoolboxAttack",
    "Record",
    "TorchattacksAttack",
    "VulneuronError",
    "__version__",
    "analyze",
    "open_record",
]
