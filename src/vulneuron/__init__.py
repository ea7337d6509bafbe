"""Vulneuron: which neurons of a CNN are vulnerable to an adversarial attack, and what they capture."""

import lazy_loader

# What the package exports is listed in `__init__.pyi`, and each name is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
