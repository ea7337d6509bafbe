"""Adversarial attacks: PGD, FGSM, adapters for other libraries, and the checks that all attacks pass."""

from vulneuron.attacks.adapters import ArtAttack, FoolboxAttack, FunctionAttack, TorchattacksAttack
from vulneuron.attacks.ball import Ball
from vulneuron.attacks.base import Attack, AttackResult, Goal
from vulneuron.attacks.epsilon import format_epsilon, parse_epsilon
from vulneuron.attacks.fgsm import FGSM
from vulneuron.attacks.pgd import PGD
from vulneuron.attacks.specs import as_attack, attack_forms, attack_label, built_in_attacks, make_attack

__all__ = [
    "FGSM",
    "PGD",
    "ArtAttack",
    "Attack",
    "AttackResult",
    "Ball",
    "FoolboxAttack",
    "FunctionAttack",
    "Goal",
    "TorchattacksAttack",
    "as_attack",
    "attack_forms",
    "attack_label",
    "built_in_attacks",
    "format_epsilon",
    "make_attack",
    "parse_epsilon",
]
