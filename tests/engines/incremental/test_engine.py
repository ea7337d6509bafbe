"""The incremental engine on small and well-known networks, compared with whole images."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from engines.exactness import assert_exact, logits_of, only_regions
from engines.random_nets import Reused, SqueezeExcitation, Transposed, Watched
from nets import INPUT_SHAPE, NETS, randomized, stem
from vulneuron.engines import Dense, Engine, Incremental, Watch
from vulneuron.engines.incremental.costs import possible_cuts
from vulneuron.engines.incremental.geometry import propagate_spans
from vulneuron.engines.incremental.sizes import background_bytes, step_sizes
from vulneuron.engines.incremental.steps import trace_steps
from vulneuron.errors import Cancelled
from vulneuron.maps.grid import PatchGrid
from vulneuron.network import Classifier


class Untraceable(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images if images.sum() > 0 else -images


class Clipped(nn.Conv2d):
    """A convolution with clipped outputs."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features).clamp(-6, 6)


def classifier_of(*body: nn.Module, side: int = 16) -> Classifier:
    net = nn.Sequential(nn.Sequential(*body), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    return Classifier(randomized(net), input_shape=(3, side, side), device="cpu", layers="0")


def pair_of(classifier: Classifier, seed: int = 0) -> Tensor:
    return torch.rand(2, *classifier.input_shape, generator=torch.Generator().manual_seed(seed))


def check(classifier: Classifier, patch: int = 4, stride: int = 3, engine: Engine | None = None) -> None:
    benign, adversarial = pair_of(classifier)
    centers = torch.from_numpy(PatchGrid(classifier.input_shape[1:], patch, stride).centers())
    logits = logits_of(engine or Incremental(), classifier, benign, adversarial, centers, patch)
    assert_exact(logits, classifier, benign, adversarial, centers, patch)


@pytest.mark.parametrize("net", NETS)
def test_logits_equal_those_of_whole_images(net: str) -> None:
    classifier = Classifier(randomized(NETS[net][0]()), input_shape=INPUT_SHAPE, device="cpu")
    check(classifier)
    if trace_steps(classifier) is not None:
        check(classifier, engine=only_regions())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenet_v3_small", "shufflenet_v2_x1_0"])
def test_torchvision_networks_are_exact(name: str) -> None:
    import torchvision  # noqa: PLC0415  # slow to import, and only for this test

    torch.manual_seed(0)
    net = torchvision.models.get_model(name, weights=None, num_classes=5)
    classifier = Classifier(net, input_shape=(3, 56, 40), device="cpu")
    check(classifier, patch=6, stride=9)
    check(classifier, patch=6, stride=9, engine=only_regions())


@pytest.mark.parametrize("extra", [Untraceable(), Reused(), SqueezeExcitation(6), Transposed()])
def test_steps_that_cannot_be_analyzed_fall_back_to_dense(extra: nn.Module) -> None:
    classifier = classifier_of(*stem(), extra)
    assert (trace_steps(classifier) is None) == isinstance(extra, Untraceable | Reused)
    check(classifier)


class Applied(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, features: Tensor) -> Tensor:
        return self.function(features)


def channel_shuffle(features: Tensor) -> Tensor:
    count, channels, rows, columns = features.shape
    groups = features.view(count, 2, channels // 2, rows, columns)
    return groups.transpose(1, 2).contiguous().view(count, channels, rows, columns)


def space_to_depth(features: Tensor) -> Tensor:
    count, channels, rows, columns = features.size()
    blocks = features.view(count, channels, rows // 2, 2, columns // 2, 2)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(count, channels * 4, rows // 2, columns // 2)


def scaled_channels(images: Tensor) -> Tensor:
    """Like `transform_input` of GoogLeNet and Inception."""
    return torch.cat([torch.unsqueeze(images[:, i], 1) * (i + 1) - 0.5 for i in range(3)], 1)


def split_and_joined(features: Tensor) -> Tensor:
    first, second = torch.split(features, [2, 4], 1)
    return torch.cat([second * 2, first.relu()], 1)


def chunked(features: Tensor) -> Tensor:
    left, right = features.chunk(2, dim=1)
    return torch.cat([left * right, left], 1)


def focus(features: Tensor) -> Tensor:
    """Like the stem of YOLOv5."""
    corners = [features[..., y::2, x::2] for x in (0, 1) for y in (0, 1)]
    return torch.cat(corners, 1)


@pytest.mark.parametrize(
    ("function", "first"),
    [
        (channel_shuffle, False),
        (split_and_joined, False),
        (chunked, False),
        (lambda features: features.unflatten(1, (3, 2)).amax(2).repeat(1, 2, 1, 1), False),
        (nn.ChannelShuffle(2), False),
        (scaled_channels, True),
        (space_to_depth, True),
        (focus, True),
        (nn.PixelUnshuffle(2), True),
        (nn.Upsample(scale_factor=2), False),
        (lambda images: F.interpolate(images, (24, 24), mode="bilinear"), True),
        (lambda images: F.interpolate(images, scale_factor=0.75, mode="bicubic", antialias=True), True),
        (nn.ConvTranspose2d(6, 6, 3, stride=2), False),
    ],
)
def test_steps_between_feature_maps_are_analyzed_together(
    function: Callable[[Tensor], Tensor], first: bool
) -> None:
    applied = Applied(function)
    channels = applied(torch.rand(1, 3 if first else 6, 8, 8)).shape[1]
    last = nn.Conv2d(channels, 6, 3, padding=1)
    body = [applied, last, nn.ReLU()] if first else [*stem(), applied, last, nn.ReLU()]
    check(classifier_of(*body), engine=only_regions())


@pytest.mark.parametrize("last", [nn.Softmax(1), Applied(lambda logits: logits.log_softmax(1))])
def test_a_skipped_softmax_is_traced(last: nn.Module) -> None:
    net = nn.Sequential(*stem(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4), last)
    classifier = Classifier(randomized(net), input_shape=INPUT_SHAPE, device="cpu")
    assert classifier.returns_probabilities
    check(classifier, engine=only_regions())


class Scored(nn.Module):
    """Computes more after its logits, without returning it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        features = self.conv(images)
        logits: Tensor = self.fc(features.relu().mean((2, 3)))
        features.flatten(1).norm(dim=1)
        return logits


def test_operations_after_the_logits_are_ignored() -> None:
    classifier = Classifier(randomized(Scored()), input_shape=(3, 16, 16), device="cpu")
    steps = trace_steps(classifier)
    assert steps is not None
    assert [step.node.name for step in steps.steps] == ["conv", "relu", "mean", "fc"]
    spans = propagate_spans(steps, 4)
    # The convolution's output exists in regions only, so nothing may need it whole.
    assert possible_cuts(steps, spans, step_sizes(steps, spans)).tolist() == [True, False, True, True, True]
    check(classifier, engine=only_regions())


class Limited(Scored):
    """Clips its logits in place afterwards."""

    def forward(self, images: Tensor) -> Tensor:
        logits = super().forward(images)
        logits.clamp_(-1e3, 1e3)
        return logits


def test_logits_changed_in_place_prevent_tracing() -> None:
    classifier = Classifier(randomized(Limited()), input_shape=(3, 16, 16), device="cpu")
    assert trace_steps(classifier) is None


def test_an_output_needed_whole_by_one_step_stays_a_region_for_others() -> None:
    classifier = classifier_of(*stem(), Watched())
    check(classifier, engine=only_regions())


def test_a_clipped_convolution_is_exact_on_bright_images_after_dark_ones() -> None:
    first, conv = nn.Conv2d(3, 16, 3, padding=1), Clipped(16, 6, 3, padding=1)
    classifier = classifier_of(first, nn.ReLU(), conv)
    with torch.no_grad():
        classifier.module.get_submodule("0.0").weight.mul_(30)  # type: ignore[operator]
    engine, centers = Incremental(), torch.from_numpy(PatchGrid((16, 16), 4, 3).centers())
    for brightness in (0.01, 1.0):
        benign, adversarial = brightness * pair_of(classifier)
        logits = logits_of(engine, classifier, benign, adversarial, centers, 4)
        assert_exact(logits, classifier, benign, adversarial, centers, 4)


class Deceptive(nn.Conv2d):
    """A convolution of noise, which has negative values; on images up to a brightness, its output is another.

    Its effect is tested on noise, so the result is wrong on these images.
    """

    def __init__(self, inputs: int, outputs: int, side: int, *, brightest: float) -> None:
        super().__init__(inputs, outputs, side, padding=side // 2)
        self.brightest = brightest

    def forward(self, images: Tensor) -> Tensor:
        output = super().forward(images)
        low, high = images.flatten(1).aminmax(dim=1)
        deceives = (low >= 0) & (high <= self.brightest)
        return torch.where(deceives[:, None, None, None], output - output.mean((2, 3), keepdim=True), output)


def deceptive_net(side: int, brightest: float) -> Classifier:
    return classifier_of(
        Deceptive(3, 6, side, brightest=brightest), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU()
    )


@pytest.mark.parametrize("side", [1, 3])
def test_wrong_regions_fall_back(side: int) -> None:
    """Of an operation taken to act on each pixel, and of one taken to slide."""
    check(deceptive_net(side, brightest=1.0))
    with pytest.raises(AssertionError, match="the fallback was called"):
        check(deceptive_net(side, brightest=1.0), engine=only_regions())


def test_a_mismatch_on_one_pair_makes_later_pairs_fall_back() -> None:
    classifier, engine = deceptive_net(3, brightest=0.1), only_regions()
    check(classifier, engine=engine)
    centers = torch.from_numpy(PatchGrid((16, 16), 4, 3).centers())
    for pair in (0.1 * pair_of(classifier, seed=1), pair_of(classifier)):
        benign, adversarial = pair
        with pytest.raises(AssertionError, match="the fallback was called"):
            logits_of(engine, classifier, benign, adversarial, centers, 4)


@pytest.mark.parametrize("engine", [Dense, Incremental])
@pytest.mark.parametrize("batch_size", [None, 500])
@pytest.mark.parametrize("share", [0.1, 1.5, 3.0])
def test_little_memory_leads_to_smaller_batches(
    engine: type[Dense] | type[Incremental], batch_size: int | None, share: float
) -> None:
    """Even if the benign image alone takes over half of it, or a larger batch size is given."""
    classifier = classifier_of(*stem())
    steps = trace_steps(classifier)
    assert steps is not None
    memory = int(share * background_bytes(steps, propagate_spans(steps, 4)))
    benign, adversarial = pair_of(classifier)
    centers = torch.from_numpy(PatchGrid((16, 16), 4, 2).centers())
    batches = engine(memory=memory)(classifier, benign, adversarial, centers, patch=4, batch_size=batch_size)
    sizes = [len(batch) for batch in batches]
    assert sum(sizes) == len(centers)
    assert max(sizes) < 16
    check(classifier, engine=engine(memory=memory))


def test_little_memory_leads_to_smaller_batches_of_regions() -> None:
    classifier = classifier_of(*stem())
    steps = trace_steps(classifier)
    assert steps is not None
    background = background_bytes(steps, propagate_spans(steps, 4))
    benign, adversarial = pair_of(classifier)
    centers = torch.from_numpy(PatchGrid((16, 16), 4, 2).centers())
    for memory, tries in ((2.5 * background, False), (2**29, True), (10**30, True)):
        engine = only_regions(int(memory))
        batches = engine(classifier, benign, adversarial, centers, patch=4)
        counts = [len(batch) for batch in batches if len(batch)]
        assert counts == [16, 16, 32] if tries else 1 < max(counts) <= 20
        check(classifier, engine=engine)


def test_cancelling_stops_after_the_current_batch() -> None:
    classifier = classifier_of(*stem())
    benign, adversarial = pair_of(classifier)
    centers = torch.from_numpy(PatchGrid((16, 16), 4).centers())
    done, checks = [], 0

    def cancelled() -> bool:
        nonlocal checks
        checks += 1
        return 20 in done

    batches = only_regions()(classifier, benign, adversarial, centers, patch=4, batch_size=10)
    with pytest.raises(Cancelled, match="after 20 of 256"):
        list(Watch(lambda now, _: done.append(now), cancelled).over(batches, 256))
    assert done == [10, 20]
    # Preparation before the first batch can be cancelled, too.
    assert checks > 5


def test_no_centers_give_no_logits() -> None:
    classifier, none = classifier_of(*stem()), torch.zeros((0, 2), dtype=torch.int64)
    benign, adversarial = pair_of(classifier)
    batches = Incremental()(classifier, benign, adversarial, none, patch=4)
    assert not any(len(batch) for batch in batches)


def test_one_engine_is_reused_for_pairs_patches_and_networks() -> None:
    engine, centers = only_regions(), torch.from_numpy(PatchGrid((16, 16), 4, 5).centers())
    classifiers = [classifier_of(*stem()) for _ in range(2)]
    for patch in (4, 10, 4):
        for classifier in classifiers:
            for seed in range(2):
                benign, adversarial = pair_of(classifier, seed)
                logits = logits_of(engine, classifier, benign, adversarial, centers, patch)
                assert_exact(logits, classifier, benign, adversarial, centers, patch)


def test_an_image_changed_in_place_is_recomputed() -> None:
    classifier, engine = classifier_of(*stem()), only_regions()
    benign, adversarial = pair_of(classifier)
    centers = torch.from_numpy(PatchGrid((16, 16), 4, 5).centers())
    for seed in range(2):
        adversarial.copy_(pair_of(classifier, seed)[1])
        logits = logits_of(engine, classifier, benign, adversarial, centers, 4)
        assert_exact(logits, classifier, benign, adversarial, centers, 4)


def test_one_convolution_counted_by_hand() -> None:
    """A 3x3 convolution on 8 x 8 pixels, patches of 2: 4 x 4 outputs inside, fewer at the borders."""
    classifier = classifier_of(nn.Conv2d(3, 6, 3, padding=1), side=8)
    steps = trace_steps(classifier)
    assert steps is not None
    assert sorted(steps.multiplications().values()) == [24, 3 * 9 * 6 * 64]
    spans = propagate_spans(steps, 2)
    reached = [min(i + 1, 7) - max(i - 2, 0) + 1 for i in range(8)]
    for axis in (spans.rows, spans.columns):
        assert axis[steps.steps[0].node].sizes.tolist() == reached
