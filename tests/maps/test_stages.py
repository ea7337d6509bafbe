"""Maps in stages against the exact maps."""

from typing import Any

import numpy as np
import pytest
import torch

from victims import SHAPE, random_images, victim
from vulneuron.engines import Dense
from vulneuron.errors import Cancelled, MeasureError
from vulneuron.maps.stages import MapStage, anytime_maps
from vulneuron.maps.vulnerability_map import vulnerability_maps

LABELS: dict[str, Any] = {"benign_label": 1, "adversarial_label": 3}


def stages_of(**options: Any) -> tuple[list[MapStage], tuple[torch.Tensor, torch.Tensor]]:
    benign, adversarial = random_images(2, 5)
    return list(anytime_maps(victim(2, steepness=3), benign, adversarial, **LABELS, **options)), (
        benign,
        adversarial,
    )


def test_computed_points_are_those_of_the_exact_maps() -> None:
    told: list[tuple[int, int]] = []
    found, (benign, adversarial) = stages_of(
        patch=4, tolerance=0.0, engine=Dense(), progress=lambda *it: told.append(it)
    )
    exact = vulnerability_maps(victim(2, steepness=3), benign, adversarial, **LABELS, patch=4, engine=Dense())
    for stage in found:
        for values, expected in (
            (stage.maps.benign_drop, exact.benign_drop),
            (stage.maps.adversarial_gain, exact.adversarial_gain),
        ):
            np.testing.assert_allclose(values[stage.computed], expected[stage.computed], atol=1e-6)
            assert (np.abs(values) <= 1).all()
    last = found[-1]
    assert (last.maps.patch, last.maps.stride, last.maps.engine) == (4, 1, "anytime")
    assert last.computed.any()
    assert told[-1] == (last.computed.sum(), 64)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_the_first_stage_is_a_preview_and_says_so() -> None:
    first, second, *_ = stages_of()[0]
    assert first.maps.engine == "preview"
    assert first.agreement is None
    assert not first.computed.any()
    assert second.agreement is not None
    assert all(-1 <= it <= 1 for it in second.agreement)


def test_where_the_images_agree_the_maps_are_zero() -> None:
    benign, adversarial = random_images(2, 5)
    adversarial[:, :4] = benign[:, :4]
    for stage in anytime_maps(victim(2), benign, adversarial, **LABELS, patch=2):
        assert not stage.maps.benign_drop[:4].any()
        assert not stage.maps.adversarial_gain[:4].any()


def test_cancelling_stops_before_the_next_batch() -> None:
    done: list[int] = []
    with pytest.raises(Cancelled):
        stages_of(batch_size=8, progress=lambda now, _: done.append(now), cancelled=lambda: len(done) == 1)
    assert done == [8]


def test_what_does_not_fit_is_refused() -> None:
    benign, adversarial = random_images(2)
    with pytest.raises(MeasureError, match="label"):
        next(anytime_maps(victim(), benign, adversarial, benign_label=9, adversarial_label=0))
    assert SHAPE[1:] == benign.shape[1:]
