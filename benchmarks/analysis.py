"""Time the methods of `Analysis` on a record.

python benchmarks/analysis.py --record cifar10.zarr

The record's network computes vulnerability maps of the first pairs. Prints medians over new pairs, of which
nothing but the maps is cached.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

from vulneuron import Analysis, Settings, load_classifier, open_record
from vulneuron.measures import MEASURES
from vulneuron.measures.overlap import iou

_QUICK = [name for name, measure in MEASURES.items() if not measure.costly]


def milliseconds(function: Callable[[int], object], pairs: range) -> float:
    """Median duration of a call over pairs, in milliseconds."""
    times = []
    for pair in pairs:
        start = time.perf_counter()
        function(pair)
        times.append(1000 * (time.perf_counter() - start))
    return median(times)


def main() -> None:
    """Print a table of times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", required=True)
    parser.add_argument("--model", help="the network, if it is not where the record says")
    parser.add_argument("--pairs", type=int, default=10, help="number of pairs")
    parser.add_argument("--stride", type=int, default=4, help="stride of the vulnerability maps")
    options = parser.parse_args()
    record, pairs = open_record(options.record), range(options.pairs)
    settings = Settings(stride=options.stride)
    with_network = Analysis(record, load_classifier(record, options.model), settings=settings)
    for pair in pairs:
        with_network.vulnerability_maps(pair, stride=options.stride)
    fresh = Analysis(record, settings=settings)
    # Once per record: read the activations and compute the layer's threshold.
    once = milliseconds(fresh.neurons, range(options.pairs, options.pairs + 1))
    print(f"{fresh.data.neurons} neurons, images {fresh.data.image_size}, {fresh.data.count} pairs")
    print(f"first call, ms                       {once:8.1f}")
    print(f"neurons(pair) with cached maps, ms   {milliseconds(fresh.neurons, pairs):8.1f}")
    masks = {pair: fresh.masks(pair).benign for pair in pairs}
    tops = {pair: fresh.top_masks(pair).benign_drop for pair in pairs}
    print(
        f"IoUs of all neurons with a map, ms   {milliseconds(lambda p: iou(masks[p], tops[p]), pairs):8.1f}"
    )
    print(f"dendrogram(pair), ms                 {milliseconds(fresh.dendrogram, pairs):8.1f}")
    context = milliseconds(lambda pair: fresh.context(pair, 7 * pair % fresh.data.neurons), pairs)
    print(f"context(pair, neuron), ms            {context:8.1f}")
    single = Analysis(record, settings=settings)
    single.receptive_fields(0, [0])
    moved = [settings.replace(threshold_level=0.1 + 0.01 * step) for step in range(len(pairs))]
    slider = milliseconds(lambda p: single.receptive_fields(0, range(5), settings=moved[p]), pairs)
    print(f"5 receptive fields, new threshold, ms {slider:7.1f}")
    everything, hundred = range(fresh.data.count), range(0, fresh.data.count, -(-fresh.data.count // 100))
    fresh.rank(everything)
    for numbers in (hundred, everything):
        full = milliseconds(lambda _, numbers=numbers: fresh.rank(numbers), range(3))  # type: ignore[misc]
        quick = milliseconds(
            lambda _, numbers=numbers: fresh.mean_neurons(numbers, columns=_QUICK),  # type: ignore[misc]
            range(3),
        )
        print(f"{f'rank({len(numbers)} pairs), ms':37s}{full:8.1f}")
        print(f"{'  means of quick columns, ms':37s}{quick:8.1f}")


if __name__ == "__main__":
    main()
