"""Engines of vulnerability maps beside each other, and beside Captum.

python benchmarks/maps.py speed                                   all networks, random weights
python benchmarks/maps.py speed --networks resnet18 vgg16
python benchmarks/maps.py exact                                   errors against one image at a time

Ratios of times within one run, medians over rounds in which the engines take turns. Where a map has many
positions, a seeded choice of the batches of the whole map is computed: borders and alignments are in
proportion. Captum is compared by time a forward, on the module as its author has it and on the one that the
classifier made of it (folded, in channels_last); without Captum its columns stay empty.
"""

import argparse
import importlib.util
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from vulneuron.engines import Dense, Engine, Incremental, substituted
from vulneuron.engines.incremental.geometry import Doubles, Ints, by_size, spans_of
from vulneuron.engines.incremental.limits import limit, multiplications
from vulneuron.engines.incremental.steps import Steps, steps_of
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.vulnerability_map import Bools, top_mask
from vulneuron.network import Classifier

sys.path.insert(0, str(Path(__file__).parents[1] / "examples/cifar10"))
from resnet10 import trained

BATCH = 64
EVALUATIONS = (1, 8, 32) if importlib.util.find_spec("captum") else ()
#: One thread's own time, which other programs do not lengthen; with several threads, the time that passes.
CLOCK: Callable[[], float] = time.perf_counter


def cifar_resnet18() -> nn.Module:
    """ResNet18 with the usual stem for 32 x 32 images."""
    net: nn.Module = torchvision.models.resnet18(num_classes=10)
    net.conv1, net.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    return net


def wide_resnet18() -> nn.Module:
    """Like Places365's ResNet18: no maximum pooling, so that the last maps are 14 x 14."""
    net: nn.Module = torchvision.models.resnet18(num_classes=365)
    net.maxpool = nn.Identity()
    return net


def efficientnet_lite0() -> nn.Module:
    """The demo's architecture."""
    import timm  # noqa: PLC0415  only for this network

    net: nn.Module = timm.create_model("tf_efficientnet_lite0")
    return net


@dataclass(frozen=True)
class Case:
    """A network, the side of its images, and the side of the patches."""

    build: Callable[[], nn.Module]
    side: int
    patch: int


CASES = {
    "cifar-resnet10": Case(trained, 32, 4),
    "cifar-resnet18": Case(cifar_resnet18, 32, 4),
    "resnet18": Case(torchvision.models.resnet18, 224, 16),
    "wide-resnet18": Case(wide_resnet18, 224, 16),
    "vgg16": Case(torchvision.models.vgg16, 224, 16),
    "efficientnet-lite0": Case(efficientnet_lite0, 224, 28),
    "densenet121": Case(torchvision.models.densenet121, 224, 16),
}


@dataclass(frozen=True)
class Setting:
    """A network with a pair of images and the positions to compute."""

    name: str
    net: nn.Module
    classifier: Classifier
    steps: Steps
    benign: Tensor
    adversarial: Tensor
    grid: PatchGrid
    batches: list[Ints]

    @property
    def centers(self) -> Ints:
        """All positions of the batches."""
        return np.concatenate(self.batches)


def setting(name: str, batches: int) -> Setting:
    """Build a network, and choose some of the batches of a whole map."""
    case = CASES[name]
    torch.manual_seed(0)
    net = case.build().eval()
    classifier = Classifier(net, input_shape=(3, case.side, case.side), device="cpu")
    steps = steps_of(classifier)
    if steps is None:
        raise SystemExit(f"{name} cannot be traced")
    benign = torch.rand(3, case.side, case.side)
    adversarial = (benign + 0.1 * torch.randn(benign.shape)).clamp(0, 1)
    grid = PatchGrid((case.side, case.side), case.patch)
    centers = grid.centers()
    order = by_size(spans_of(steps, case.patch), centers, multiplications(steps))
    every = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    if len(every) <= max(batches, 16):
        chosen = [centers]
    else:
        random = np.random.default_rng(0)
        chosen = [centers[every[i]] for i in random.choice(len(every), batches, replace=False)]
    return Setting(name, net, classifier, steps, benign, adversarial, grid, chosen)


def run(engine: Engine, it: Setting, groups: list[Ints]) -> Tensor:
    """Logits of all positions, in the order of the groups."""
    found = []
    for centers in groups:
        parts = list(
            engine(it.classifier, it.benign, it.adversarial, torch.from_numpy(centers), patch=it.grid.patch)
        )
        logits = torch.empty(len(centers), parts[0].logits.shape[1])
        for part in parts:
            logits[part.chosen] = part.logits
        found.append(logits)
    return torch.cat(found)


def seconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    start = CLOCK()
    function()
    return CLOCK() - start


def matrix_rate() -> float:
    """Floating-point operations a second of a large matrix product."""
    a, b = torch.rand(2, 4096, 4096)
    return 2 * 4096**3 / seconds(lambda: torch.mm(a, b))


def captum_seconds(it: Setting, net: Callable[[Tensor], Tensor], evaluations: int) -> float:
    """Seconds a forward of Captum's occlusion by the adversarial image; NaN for no evaluations at once."""
    if not evaluations:
        return np.nan
    from captum.attr import Occlusion  # noqa: PLC0415  optional

    # About a hundred windows.
    patch, stride, calls = it.grid.patch, min(it.grid.patch, max(1, it.grid.image_size[0] // 10)), 0

    def forward(images: Tensor) -> Tensor:
        nonlocal calls
        calls += len(images)
        with torch.inference_mode():
            return net(images)

    def attribute() -> None:
        Occlusion(forward).attribute(
            it.benign[None],
            sliding_window_shapes=(3, patch, patch),
            strides=(3, stride, stride),
            baselines=it.adversarial[None],
            target=0,
            perturbations_per_eval=evaluations,
        )

    taken = seconds(attribute)
    return taken / calls


@dataclass(frozen=True)
class Round:
    """Seconds a position of each engine, in one round."""

    dense: float
    incremental: float
    captum: float
    captum_default: float
    captum_prepared: float
    matrix_rate: float


def one_round(
    it: Setting, dense: Dense, incremental: Incremental, evaluations: int, on_prepared: int
) -> Round:
    """Let each engine have its turn."""
    count = len(it.centers)
    return Round(
        seconds(lambda: run(dense, it, [it.centers])) / count,
        seconds(lambda: run(incremental, it, it.batches)) / count,
        captum_seconds(it, it.net, evaluations),
        captum_seconds(it, it.net, min(evaluations, 1)),
        captum_seconds(it, it.classifier.logits, on_prepared),
        matrix_rate(),
    )


def speed(names: list[str], rounds: int, batches: int, *, captum: bool) -> None:
    """Print a row a network."""
    print(f"{torch.get_num_threads()} threads, {CLOCK.__name__}")
    print(
        "network              positions  D ms  D/mm   incr/D (least..most)  limit  reached"
        "  best Captum/incr  default/incr  best on our net/incr  |dlogit|"
    )
    for name in names:
        it, dense, incremental = setting(name, batches), Dense(), Incremental()
        bound = limit(it.steps, spans_of(it.steps, it.grid.patch), it.grid.centers())
        operations = 2 * sum(multiplications(it.steps).values())
        # Warm up: batch sizes, costs, prepared shapes.
        for _ in range(2):
            expected, found = run(dense, it, [it.centers]), run(incremental, it, it.batches)
        evaluations, on_prepared = (
            min(EVALUATIONS if captum else (), key=partial(captum_seconds, it, net), default=0)
            for net in (it.net, it.classifier.logits)
        )
        done = [one_round(it, dense, incremental, evaluations, on_prepared) for _ in range(rounds)]
        ratios = [one.dense / one.incremental for one in done]
        print(
            f"{name:20} {len(it.centers):9} {1000 * median(one.dense for one in done):6.2f}"
            f" {median(operations / one.dense / one.matrix_rate for one in done):5.2f}"
            f" {median(ratios):8.2f} ({min(ratios):.2f}..{max(ratios):.2f}) {bound:8.2f}"
            f" {100 * median(ratios) / bound:6.0f} %"
            f" {median(one.captum / one.incremental for one in done):11.2f} (x{evaluations})"
            f" {median(one.captum_default / one.incremental for one in done):10.2f}"
            f" {median(one.captum_prepared / one.incremental for one in done):18.2f}"
            f" {float((found - expected).abs().max()):11.1e}",
            flush=True,
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def exact(names: list[str], positions: int) -> None:
    """Print the largest errors against one image at a time."""
    for name in names:
        it, incremental = setting(name, 1), Incremental()
        every = it.grid.centers()
        centers = every[np.sort(np.random.default_rng(1).choice(len(every), positions, replace=False))]
        found = run(incremental, it, [centers])
        images = substituted(it.benign, it.adversarial, torch.from_numpy(centers), patch=it.grid.patch)
        expected = torch.cat([it.classifier.logits(image[None]) for image in images])
        before, after = it.classifier.logits(torch.stack([it.benign, it.adversarial]))
        relative = float((found - expected).abs().max() / (expected - before).abs().max())
        error = float((found.softmax(1) - expected.softmax(1)).abs().max())
        # What a map shows: how much less likely the predicted class gets, and another one more.
        benign, adversarial = int(before.argmax()), int((after - before).argmax())
        iou = min(
            overlap(top_mask(sign * _likely(found, label)), top_mask(sign * _likely(expected, label)))
            for sign, label in ((-1, benign), (1, adversarial))
        )
        print(
            f"{name:20} {positions} positions: max |dp| {error:.1e}, IoU of both masks {iou:.4f},"
            f" largest error of a logit {relative:.1e} of the largest change of one",
            flush=True,
        )


def _likely(logits: Tensor, label: int) -> Doubles:
    return logits.double().log_softmax(1)[:, label].numpy()


def overlap(one: Bools, other: Bools) -> float:
    """Intersection over union of two masks."""
    return float((one & other).sum() / (one | other).sum())


def main() -> None:
    """Read what to measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "exact"))
    parser.add_argument("--networks", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=4, help="of 64 positions, where a map has many")
    parser.add_argument("--positions", type=int, default=300)
    parser.add_argument("--no-captum", action="store_true", help="which takes longest on large networks")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.threads == 1:
        global CLOCK  # noqa: PLW0603  one clock for the whole run
        CLOCK = time.process_time
    if options.what == "speed":
        speed(options.networks, options.rounds, options.batches, captum=not options.no_captum)
    else:
        exact(options.networks, options.positions)


if __name__ == "__main__":
    main()
