"""The incremental engine never differs from the network itself, whatever the network."""

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from substitution.random_nets import Reused, classifiers
from vulneuron.network import Classifier
from vulneuron.substitution import Incremental, PatchGrid, substituted
from vulneuron.substitution.execute import Forward
from vulneuron.substitution.geometry import Patches, similar, spans_of
from vulneuron.substitution.steps import steps_of

seeds = st.integers(0, 2**32)


def images_of(side: int, seed: int) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(classifiers(), st.data())
def test_any_cut_gives_the_logits_of_one_image_at_a_time(classifier: Classifier, data: st.DataObject) -> None:
    side = classifier.input_shape[1]
    grid = PatchGrid((side, side), 2 * data.draw(st.integers(1, side // 2)), data.draw(st.integers(1, 5)))
    benign, adversarial = images_of(side, data.draw(seeds))
    centres = grid.centres()
    images = substituted(benign, adversarial, torch.from_numpy(centres), patch=grid.patch)
    expected = torch.cat([classifier.logits(image[None]) for image in images])

    steps = steps_of(classifier)
    if steps is None:
        # What a step changes in place and another reads is no graph of values.
        assert any(isinstance(module, Reused) for module in classifier.module.modules()), classifier.module
        return
    spans = spans_of(steps, grid.patch)
    cut = data.draw(st.integers(0, len(steps.steps)))
    with torch.inference_mode():
        forward = Forward(steps, benign, adversarial, grid.patch, classifier.device)
        found = torch.full_like(expected, torch.nan)
        for chosen in similar(spans, centres, {}, data.draw(st.integers(1, 40))):
            found[chosen] = forward.logits(Patches(spans, centres[chosen], classifier.device), cut)
    torch.testing.assert_close(found, expected, rtol=0, atol=float(1e-5 * expected.abs().max()))


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(classifiers(), st.integers(1, 40), seeds)
def test_the_engine_gives_the_logits_of_one_image_at_a_time(
    classifier: Classifier, batch_size: int, seed: int
) -> None:
    side = classifier.input_shape[1]
    benign, adversarial = images_of(side, seed)
    centres = torch.from_numpy(PatchGrid((side, side), 4, 2).centres())[::2]
    images = substituted(benign, adversarial, centres, patch=4)
    expected = torch.cat([classifier.logits(image[None]) for image in images])
    found = torch.full_like(expected, torch.nan)
    for batch in Incremental()(classifier, benign, adversarial, centres, patch=4, batch_size=batch_size):
        assert len(batch.chosen) <= batch_size
        found[batch.chosen] = batch.logits
    torch.testing.assert_close(found, expected, rtol=0, atol=float(1e-5 * expected.abs().max()))
