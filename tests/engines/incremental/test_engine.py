"""The incremental engine on small and on known networks, against one image at a time."""

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from engines.exactness import assert_exact, logits_of, only_regions
from engines.random_nets import Reused, SqueezeExcitation, Transposed, Watched
from nets import INPUT_SHAPE, NETS, randomized, stem
from vulneuron.engines import Dense, Engine, Incremental, watched
from vulneuron.engines.incremental.costs import possible_cuts
from vulneuron.engines.incremental.geometry import spans_of
from vulneuron.engines.incremental.limits import limit, multiplications
from vulneuron.engines.incremental.sizes import kept_bytes, sizes_of
from vulneuron.engines.incremental.steps import steps_of
from vulneuron.engines.incremental.windows import Background
from vulneuron.errors import Cancelled
from vulneuron.maps.grid import PatchGrid
from vulneuron.network import Classifier


class Untraceable(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images if images.sum() > 0 else -images


class Clipped(nn.Conv2d):
    """A convolution for small values only."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps).clamp(-6, 6)


def classifier_of(*body: nn.Module, side: int = 16) -> Classifier:
    net = nn.Sequential(nn.Sequential(*body), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    return Classifier(randomized(net), input_shape=(3, side, side), device="cpu", layer="0")


def pair_of(classifier: Classifier, seed: int = 0) -> Tensor:
    return torch.rand(2, *classifier.input_shape, generator=torch.Generator().manual_seed(seed))


def check(classifier: Classifier, patch: int = 4, stride: int = 3, engine: Engine | None = None) -> None:
    benign, adversarial = pair_of(classifier)
    centers = torch.from_numpy(PatchGrid(classifier.input_shape[1:], patch, stride).centers())
    found = logits_of(engine or Incremental(), classifier, benign, adversarial, centers, patch)
    assert_exact(found, classifier, benign, adversarial, centers, patch)


@pytest.mark.parametrize("net", NETS)
def test_logits_are_those_of_one_image_at_a_time(net: str) -> None:
    classifier = Classifier(randomized(NETS[net][0]()), input_shape=INPUT_SHAPE, device="cpu")
    check(classifier)
    if steps_of(classifier) is not None:
        with only_regions():
            check(classifier)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenet_v3_small", "shufflenet_v2_x1_0"])
def test_known_networks(name: str) -> None:
    torch.manual_seed(0)
    net = torchvision.models.get_model(name, weights=None, num_classes=5)
    classifier = Classifier(net, input_shape=(3, 56, 40), device="cpu")
    check(classifier, patch=6, stride=9)
    with only_regions():
        check(classifier, patch=6, stride=9)


@pytest.mark.parametrize("extra", [Untraceable(), Reused(), SqueezeExcitation(6), Transposed()])
def test_what_is_not_understood_is_dense(extra: nn.Module) -> None:
    classifier = classifier_of(*stem(), extra)
    assert (steps_of(classifier) is None) == isinstance(extra, Untraceable | Reused)
    check(classifier)


class Scored(nn.Module):
    """Goes on after its logits with what it does not return."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        logits: Tensor = self.fc(maps.relu().mean((2, 3)))
        maps.flatten(1).norm(dim=1)
        return logits


def test_what_is_read_after_the_logits_does_not_matter() -> None:
    classifier = Classifier(randomized(Scored()), input_shape=(3, 16, 16), device="cpu")
    steps = steps_of(classifier)
    assert steps is not None
    assert [step.node.name for step in steps.steps] == ["conv", "relu", "mean", "fc"]
    spans = spans_of(steps, 4)
    # Of the convolution, only regions are there: it must not be needed whole.
    assert possible_cuts(steps, spans, sizes_of(steps, spans)).tolist() == [True, False, True, True, True]
    with only_regions():
        check(classifier)


class Limited(Scored):
    """Changes its logits once more in place, where they are large."""

    def forward(self, images: Tensor) -> Tensor:
        logits = super().forward(images)
        logits.clamp_(-1e3, 1e3)
        return logits


def test_logits_that_are_changed_in_place_are_no_result() -> None:
    classifier = Classifier(randomized(Limited()), input_shape=(3, 16, 16), device="cpu")
    assert steps_of(classifier) is None


def test_a_map_that_one_step_needs_whole_stays_a_region_for_others() -> None:
    classifier = classifier_of(*stem(), Watched())
    with only_regions():
        check(classifier)


def test_what_clips_large_values_is_right_for_bright_images_after_dark_ones() -> None:
    first, conv = nn.Conv2d(3, 16, 3, padding=1), Clipped(16, 6, 3, padding=1)
    classifier = classifier_of(first, nn.ReLU(), conv)
    with torch.no_grad():
        classifier.module.get_submodule("0.0").weight.mul_(30)  # type: ignore[operator]
    engine, centers = Incremental(), torch.from_numpy(PatchGrid((16, 16), 4, 3).centers())
    for brightness in (0.01, 1.0):
        benign, adversarial = brightness * pair_of(classifier)
        found = logits_of(engine, classifier, benign, adversarial, centers, 4)
        assert_exact(found, classifier, benign, adversarial, centers, 4)


@pytest.mark.parametrize("broken", ["cut", "around"])
def test_regions_that_are_wrong_are_not_used(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong on the way, the network itself is asked in the end."""
    right: Callable[..., Tensor] = getattr(Background, broken)
    monkeypatch.setattr(Background, broken, lambda *arguments: 0.5 * right(*arguments))
    check(classifier_of(*stem()))
    with pytest.raises(AssertionError, match="the dense engine was asked"), only_regions():
        check(classifier_of(*stem()))


def test_a_pair_on_which_regions_are_wrong_is_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so are all that follow."""
    classifier, engine = classifier_of(*stem()), Incremental()
    with only_regions():
        check(classifier, engine=engine)
        right = Background.around
        monkeypatch.setattr(Background, "around", lambda *arguments: 0.5 * right(*arguments))
        benign, adversarial = pair_of(classifier, seed=1)
        centers = torch.from_numpy(PatchGrid((16, 16), 4, 3).centers())
        with pytest.raises(AssertionError, match="the dense engine was asked"):
            logits_of(engine, classifier, benign, adversarial, centers, 4)
    monkeypatch.undo()
    with only_regions(), pytest.raises(AssertionError, match="the dense engine was asked"):
        check(classifier, engine=engine)


@pytest.mark.parametrize("engine", [Dense, Incremental])
@pytest.mark.parametrize("batch_size", [None, 500])
@pytest.mark.parametrize("part", [0.1, 1.5, 3.0])
def test_maps_that_do_not_fit_into_the_memory_go_in_smaller_batches(
    engine: type[Dense] | type[Incremental], batch_size: int | None, part: float
) -> None:
    """Also where the benign image's own maps take more than half of it, or larger batches are asked for."""
    classifier = classifier_of(*stem())
    steps = steps_of(classifier)
    assert steps is not None
    memory = int(part * kept_bytes(steps, spans_of(steps, 4)))
    benign, adversarial = pair_of(classifier)
    centers = torch.from_numpy(PatchGrid((16, 16), 4, 2).centers())
    batches = engine(memory=memory)(classifier, benign, adversarial, centers, patch=4, batch_size=batch_size)
    sizes = [len(batch) for batch in batches]
    assert sum(sizes) == len(centers)
    assert max(sizes) < 16
    check(classifier, engine=engine(memory=memory))


def test_regions_go_in_smaller_batches_and_give_the_same() -> None:
    classifier = classifier_of(*stem())
    steps = steps_of(classifier)
    assert steps is not None
    kept = kept_bytes(steps, spans_of(steps, 4))
    benign, adversarial = pair_of(classifier)
    centers = torch.from_numpy(PatchGrid((16, 16), 4, 2).centers())
    with only_regions():
        for memory, tries in ((2.5 * kept, False), (2**29, True), (10**30, True)):
            engine = Incremental(memory=int(memory))
            counts = [len(it) for it in engine(classifier, benign, adversarial, centers, patch=4) if len(it)]
            assert counts == [16, 16, 32] if tries else 1 < max(counts) <= 20
            check(classifier, engine=engine)


def test_cancelling_stops_within_one_batch() -> None:
    classifier = classifier_of(*stem())
    benign, adversarial = pair_of(classifier)
    centers = torch.from_numpy(PatchGrid((16, 16), 4).centers())
    done, asked = [], 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return 20 in done

    with only_regions():
        batches = Incremental()(classifier, benign, adversarial, centers, patch=4, batch_size=10)
        with pytest.raises(Cancelled, match="after 20 of 256"):
            list(watched(batches, 256, lambda now, _: done.append(now), cancelled))
    assert done == [10, 20]
    # Before the first batch, too, there are occasions to stop.
    assert asked > 5


def test_no_positions_give_no_logits() -> None:
    classifier, none = classifier_of(*stem()), torch.zeros((0, 2), dtype=torch.int64)
    benign, adversarial = pair_of(classifier)
    assert not any(len(it) for it in Incremental()(classifier, benign, adversarial, none, patch=4))


def test_one_engine_serves_several_pairs_patches_and_networks() -> None:
    engine, centers = Incremental(), torch.from_numpy(PatchGrid((16, 16), 4, 5).centers())
    classifiers = [classifier_of(*stem()) for _ in range(2)]
    with only_regions():
        for patch in (4, 10, 4):
            for classifier in classifiers:
                for seed in range(2):
                    benign, adversarial = pair_of(classifier, seed)
                    found = logits_of(engine, classifier, benign, adversarial, centers, patch)
                    assert_exact(found, classifier, benign, adversarial, centers, patch)


def test_an_image_that_is_changed_in_place_is_another_image() -> None:
    classifier, engine = classifier_of(*stem()), Incremental()
    benign, adversarial = pair_of(classifier)
    centers = torch.from_numpy(PatchGrid((16, 16), 4, 5).centers())
    with only_regions():
        for seed in range(2):
            adversarial.copy_(pair_of(classifier, seed)[1])
            found = logits_of(engine, classifier, benign, adversarial, centers, 4)
            assert_exact(found, classifier, benign, adversarial, centers, 4)


def test_the_limit_counts_what_patches_change() -> None:
    """One 3x3 convolution on 8 x 8 pixels, patches of 2: 4 x 4 outputs inside, fewer at the borders."""
    classifier = classifier_of(nn.Conv2d(3, 6, 3, padding=1), side=8)
    steps = steps_of(classifier)
    assert steps is not None
    assert sorted(multiplications(steps).values()) == [24, 3 * 9 * 6 * 64]
    centers = PatchGrid((8, 8), 2).centers()
    reached = [min(i + 1, 7) - max(i - 2, 0) + 1 for i in range(8)]
    area = sum(a * b for a in reached for b in reached) / 64
    expected = (24 + 162 * 64) / (24 + 162 * area)
    assert limit(steps, spans_of(steps, 2), centers) == pytest.approx(expected)
