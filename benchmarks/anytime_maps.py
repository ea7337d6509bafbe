"""How good anytime maps are after which part of the time of the dense engine, on a record of yours.

python benchmarks/anytime_maps.py --record cifar10.zarr --pairs 100
python benchmarks/anytime_maps.py --record demo.zarr --pairs 10

Stages are compared with the exact maps of the incremental engine. Where these have at most 4,096 points, they
are compared with the dense ones, and computed a second time in the order of the stages; larger ones are
followed up to an eighth of the dense time. Times are those of the process, as parts of a whole dense map at
stride 1 in the same run.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt
import torch

from vulneuron import Analysis, load_classifier, open_record
from vulneuron.engines import Dense, Incremental
from vulneuron.maps.points import MapPoints
from vulneuron.maps.stages import anytime_maps, map_stages
from vulneuron.maps.vulnerability_map import (
    VulnerabilityMaps,
    exact_maps,
    top_mask,
    vulnerability_maps,
)

Bools = npt.NDArray[np.bool_]
PARTS = (96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2)
MOST, SAMPLE = 4096, 256
#: Part of the dense time up to which the stages of larger maps are followed.
FAR = 1 / 8
SETTLED = 0.02


@dataclass(frozen=True)
class Point:
    """One stage: part of the dense time, mean IoU of both masks, what may and does change, exact points."""

    part: float
    iou: float
    unsettled: float
    points: int
    changes: float


@dataclass(frozen=True)
class Result:
    """One pair: dense over incremental, the latter in stages over it at once, its errors, and stages."""

    gain: float
    staged: float
    error: float
    exact_iou: float
    stages: list[Point]

    def at(self, part: float) -> Point:
        """The last stage within a part of the time, in which there is one."""
        return max((it for it in self.stages if it.part <= part), key=lambda it: it.part)

    def settled(self) -> Point | None:
        """The first stage that is settled to 2 %; None if it was not followed as far."""
        return next((it for it in self.stages if it.unsettled <= SETTLED), None)


def masks(maps: VulnerabilityMaps) -> list[Bools]:
    """Top 20 % of both maps."""
    return [top_mask(maps.benign_drop), top_mask(maps.adversarial_gain)]


def overlaps(one: list[Bools], other: list[Bools]) -> list[float]:
    """Intersection over union of the masks of each map."""
    return [float((a & b).sum() / (a | b).sum()) for a, b in zip(one, other, strict=True)]


def measure(analysis: Analysis, pair: int, stride: int, dense: Dense, incremental: Incremental) -> Result:
    """Compute the maps of one pair in all ways."""
    classifier = analysis.network.classifier
    if classifier is None:
        raise SystemExit("there is no network")
    images, labels = analysis.data.images(pair), analysis.data.labels(pair)
    benign, adversarial = torch.as_tensor(images.benign), torch.as_tensor(images.adversarial)
    side = benign.shape[1:]

    start = time.process_time()
    exact = vulnerability_maps(classifier, benign, adversarial, **labels, stride=stride, engine=incremental)
    of_incremental = (time.process_time() - start) / exact.benign_drop.size
    staged = error = iou = float("nan")
    if exact.benign_drop.size <= MOST:
        start = time.process_time()
        points = MapPoints(classifier, benign, adversarial, **labels, stride=stride, engine=incremental)
        for _ in map_stages(points):
            pass
        exact_maps(points)
        staged = (time.process_time() - start) / exact.benign_drop.size / of_incremental
        start = time.process_time()
        plain = vulnerability_maps(classifier, benign, adversarial, **labels, stride=stride, engine=dense)
        of_dense = (time.process_time() - start) / plain.benign_drop.size
        changes = (plain.benign_drop - exact.benign_drop, plain.adversarial_gain - exact.adversarial_gain)
        error, iou = float(np.abs(changes).max()), min(overlaps(masks(plain), masks(exact)))
    else:
        start = time.process_time()
        centers = torch.from_numpy(np.random.default_rng(0).integers(0, side, (SAMPLE, 2)))
        list(dense(classifier, benign, adversarial, centers, patch=exact.patch))
        of_dense = (time.process_time() - start) / SAMPLE

    truth, stages, whole, apart = masks(exact), [], of_dense * side[0] * side[1], 0.0
    start = time.process_time()
    found = anytime_maps(
        classifier, benign, adversarial, **labels, stride=stride, engine=incremental, tolerance=0.0
    )
    for stage in found:
        now = time.process_time()
        found_now = masks(stage.maps)
        stages.append(
            Point(
                (now - start - apart) / whole,
                float(np.mean(overlaps(found_now, truth))),
                stage.unsettled,
                int(stage.computed.sum()),
                max(float((a & ~b).sum() / b.sum()) for a, b in zip(found_now, truth, strict=True)),
            )
        )
        apart += time.process_time() - now
        if exact.benign_drop.size > MOST and stages[-1].part > FAR:
            break
    return Result(of_dense / of_incremental, staged, error, iou, stages)


def followed(results: list[Result]) -> tuple[float, float]:
    """Parts of the time at which all pairs have their first, and still have their last, stage."""
    return max(it.stages[0].part for it in results), min(it.stages[-1].part for it in results)


def show(results: list[Result]) -> None:
    """Print medians over pairs."""
    print(f"{len(results)} pairs; medians")
    print(f"incremental over dense {median(it.gain for it in results):.2f}")
    if not any(np.isnan(it.error) for it in results):
        print(f"in stages over at once {median(it.staged for it in results):.3f}")
        print(
            f"incremental against dense: largest |dp| {max(it.error for it in results):.1e},"
            f" least IoU of the top masks {min(it.exact_iou for it in results):.4f}"
        )
    previews = [it.stages[0] for it in results]
    print(
        f"preview: 1/{1 / median(it.part for it in previews):.0f} of the time,"
        f" IoU {median(it.iou for it in previews):.3f}"
    )
    first, last = followed(results)
    for part in (part for part in PARTS if first <= 1 / part <= last):
        reached = [it.at(1 / part) for it in results]
        print(
            f"after 1/{part}: IoU {median(it.iou for it in reached):.3f},"
            f" {median(it.points for it in reached):.0f} exact points"
        )
    ends = [end for it in results if (end := it.settled())]
    if ends:
        print(
            f"settled to 2 %: {len(ends)} pairs, after 1/{1 / median(it.part for it in ends):.1f}, IoU"
            f" {median(it.iou for it in ends):.3f} (least {min(it.iou for it in ends):.3f}),"
            f" {median(it.points for it in ends):.0f} exact points"
        )
    told = [stage for it in results for stage in it.stages[1:] if stage.unsettled > SETTLED]
    told += ends
    held = np.mean([stage.changes <= max(stage.unsettled, SETTLED) for stage in told])
    print(f"no more changes than is told in {100 * held:.0f} % of {len(told)} stages")


def plot(results: list[Result], path: str) -> None:
    """Draw the median IoU over the part of the dense engine's time, with the middle half of the pairs."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  only for the picture

    parts = np.geomspace(*followed(results), 60)
    reached = np.array([[it.at(part).iou for part in parts] for it in results])
    low, middle, high = np.quantile(reached, [0.25, 0.5, 0.75], axis=0)
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    axes.fill_between(parts, low, high, alpha=0.25, linewidth=0)
    axes.plot(parts, middle)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks := [2.0**-power for power in range(6, 0, -1)])
    axes.set_xticklabels([f"1/{1 / tick:.0f}" for tick in ticks])
    axes.set_xlabel("part of the dense engine's time")
    axes.set_ylabel("IoU of the top 20 % with the exact one")
    axes.grid(alpha=0.3)
    figure.savefig(path)


def main() -> None:
    """Measure pair by pair, and print the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", required=True)
    parser.add_argument("--model", help="where the network is, if not where the record says")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--plot", help="where to draw the median over all pairs, for example map.svg")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    record = open_record(options.record)
    analysis = Analysis(record, load_classifier(record, options.model))
    count = len(record.pairs)
    chosen = np.random.default_rng(0).choice(count, min(options.pairs, count), replace=False)
    dense, incremental, results = Dense(), Incremental(), []
    # Once for nothing: batch sizes, costs, prepared shapes.
    measure(analysis, int(chosen[0]), max(options.stride, 4), dense, incremental)
    for pair in chosen:
        results.append(measure(analysis, int(pair), options.stride, dense, incremental))
        sys.stderr.write(f"{len(results)} of {len(chosen)}\r")
    show(results)
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
