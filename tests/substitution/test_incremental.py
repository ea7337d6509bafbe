"""The incremental engine on small and on known networks, against one image at a time."""

import pytest
import torch
import torchvision
from torch import Tensor, nn

from nets import INPUT_SHAPE, NETS, randomised, stem
from substitution.random_nets import Reused, SqueezeExcitation
from vulneuron.errors import Cancelled
from vulneuron.network import Classifier
from vulneuron.substitution import Dense, Engine, Incremental, PatchGrid, substituted, watched
from vulneuron.substitution.geometry import spans_of
from vulneuron.substitution.limits import limit, multiplications
from vulneuron.substitution.steps import steps_of


class Untraceable(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images if images.sum() > 0 else -images


def classifier_of(*body: nn.Module, side: int = 16) -> Classifier:
    net = nn.Sequential(nn.Sequential(*body), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    return Classifier(randomised(net), input_shape=(3, side, side), device="cpu", layer="0")


def logits_of(
    engine: Engine, classifier: Classifier, benign: Tensor, adversarial: Tensor, centres: Tensor, patch: int
) -> Tensor:
    found = torch.full((len(centres), classifier.classes), torch.nan)
    for batch in engine(classifier, benign, adversarial, centres, patch=patch):
        found[batch.chosen] = batch.logits
    return found


def check(classifier: Classifier, patch: int = 4, stride: int = 3) -> None:
    shape = classifier.input_shape
    benign, adversarial = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    centres = torch.from_numpy(PatchGrid(shape[1:], patch, stride).centres())
    found = logits_of(Incremental(), classifier, benign, adversarial, centres, patch)
    images = substituted(benign, adversarial, centres, patch=patch)
    expected = torch.cat([classifier.logits(image[None]) for image in images])
    torch.testing.assert_close(found, expected, rtol=0, atol=float(1e-5 * expected.abs().max()))


@pytest.mark.parametrize("net", NETS)
def test_logits_are_those_of_one_image_at_a_time(net: str) -> None:
    check(Classifier(randomised(NETS[net][0]()), input_shape=INPUT_SHAPE, device="cpu"))


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenet_v3_small", "shufflenet_v2_x1_0"])
def test_known_networks(name: str) -> None:
    torch.manual_seed(0)
    net = torchvision.models.get_model(name, weights=None, num_classes=5)
    check(Classifier(net, input_shape=(3, 40, 40), device="cpu"), patch=6, stride=9)


@pytest.mark.parametrize("extra", [Untraceable(), Reused(), SqueezeExcitation(6)])
def test_what_is_not_understood_is_dense(extra: nn.Module) -> None:
    classifier = classifier_of(*stem(), extra)
    assert (steps_of(classifier) is None) == (not isinstance(extra, SqueezeExcitation))
    check(classifier)


def test_maps_that_do_not_fit_into_the_memory_go_in_smaller_batches() -> None:
    classifier = classifier_of(*stem())
    benign, adversarial = torch.rand(2, *INPUT_SHAPE)
    centres = torch.from_numpy(PatchGrid((16, 16), 4, 2).centres())
    for engine in (Dense(memory=20_000), Incremental(memory=20_000)):
        sizes = [len(it) for it in engine(classifier, benign, adversarial, centres, patch=4)]
        assert sum(sizes) == len(centres)
        assert max(sizes) < 8
    small, large = (
        logits_of(Incremental(memory=memory), classifier, benign, adversarial, centres, 4)
        for memory in (20_000, 2**29)
    )
    torch.testing.assert_close(small, large, rtol=1e-5, atol=1e-5)


def test_cancelling_stops_within_one_batch() -> None:
    classifier = classifier_of(*stem())
    benign, adversarial = torch.rand(2, *INPUT_SHAPE)
    centres = torch.from_numpy(PatchGrid((16, 16), 4).centres())
    done: list[int] = []
    batches = Incremental()(classifier, benign, adversarial, centres, patch=4, batch_size=10)
    with pytest.raises(Cancelled, match="after 20 of 256"):
        list(watched(batches, 256, lambda now, _: done.append(now), lambda: len(done) == 2))
    assert done == [10, 20]


def test_no_positions_give_no_batch() -> None:
    none = torch.zeros((0, 2), dtype=torch.int64)
    benign, adversarial = torch.rand(2, *INPUT_SHAPE)
    assert not list(Incremental()(classifier_of(*stem()), benign, adversarial, none, patch=4))


def test_one_engine_serves_several_pairs_patches_and_networks() -> None:
    engine, centres = Incremental(), torch.from_numpy(PatchGrid((16, 16), 4, 5).centres())
    classifiers = [classifier_of(*stem()) for _ in range(2)]
    pairs = [tuple(torch.rand(2, *INPUT_SHAPE)) for _ in range(2)]
    for patch in (4, 10, 4):
        for classifier in classifiers:
            for benign, adversarial in pairs:
                found = logits_of(engine, classifier, benign, adversarial, centres, patch)
                expected = classifier.logits(substituted(benign, adversarial, centres, patch=patch))
                torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_the_limit_counts_what_patches_change() -> None:
    """One 3x3 convolution on 8 x 8 pixels, patches of 2: 4 x 4 outputs inside, fewer at the borders."""
    classifier = classifier_of(nn.Conv2d(3, 6, 3, padding=1), side=8)
    steps = steps_of(classifier)
    assert steps is not None
    assert sorted(multiplications(steps).values()) == [24, 3 * 9 * 6 * 64]
    centres = PatchGrid((8, 8), 2).centres()
    reached = [min(i + 1, 7) - max(i - 2, 0) + 1 for i in range(8)]
    area = sum(a * b for a in reached for b in reached) / 64
    expected = (24 + 162 * 64) / (24 + 162 * area)
    assert limit(steps, spans_of(steps, 2), centres) == pytest.approx(expected)
