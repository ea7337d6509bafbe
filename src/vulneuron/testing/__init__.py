"""Contract tests for extensions of Vulneuron; inherit from them in your own test suite."""

from vulneuron.testing.attacks import AttackTests
from vulneuron.testing.engines import EngineTests
from vulneuron.testing.measures import ArrayContext, MeasureTests

__all__ = ["ArrayContext", "AttackTests", "EngineTests", "MeasureTests"]
