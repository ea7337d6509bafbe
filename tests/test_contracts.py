"""The built-in attacks and engines keep the contracts that `vulneuron.testing` states for others."""

import pytest

from vulneuron.attacks import Attack, built_in_attacks, make_attack
from vulneuron.engines import Dense, Engine, Incremental
from vulneuron.testing import AttackTests, EngineTests


class TestBuiltInAttacks(AttackTests):
    @pytest.fixture(params=built_in_attacks())
    def attack(self, request: pytest.FixtureRequest) -> Attack:
        return make_attack(request.param)


class TestAttacksInTheL2Norm(AttackTests):
    @pytest.fixture(params=["pgd?norm=l2&eps=0.5&step_size=0.1", "fgsm?norm=l2&eps=0.5"])
    def attack(self, request: pytest.FixtureRequest) -> Attack:
        return make_attack(request.param)


class TestBuiltInEngines(EngineTests):
    @pytest.fixture(params=[Dense, Incremental])
    def engine(self, request: pytest.FixtureRequest) -> Engine:
        made: Engine = request.param()
        return made
