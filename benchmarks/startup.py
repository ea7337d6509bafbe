"""Time the startup of the command, as ratios to importing Typer; importing PyTorch is timed as well.

python benchmarks/startup.py --record demo.zarr
"""

import argparse
import os
import subprocess
import sys
import time

BASE = "python -c 'import typer'"
CALLS = {
    BASE: ("-c", "import typer"),
    "python -c 'import torch'": ("-c", "import torch"),
    "python -c 'import vulneuron'": ("-c", "import vulneuron"),
    "vulneuron --version": ("-m", "vulneuron", "--version"),
    "vulneuron --help": ("-m", "vulneuron", "--help"),
    "vulneuron analyze --help": ("-m", "vulneuron", "analyze", "--help"),
}


def run_time(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Wall-clock and processor seconds of a Python process."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    seconds, after = time.perf_counter() - start, os.times()
    return seconds, sum(after[2:4]) - sum(before[2:4])


def address_time(record: str) -> tuple[float, float]:
    """Wall-clock and processor seconds until `vulneuron serve` has printed its URL."""
    before, start = os.times(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "vulneuron", "serve", record, "--port", "0", "--no-open"],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101
    process.stdout.readline()
    seconds = time.perf_counter() - start
    process.kill()
    process.communicate()
    after = os.times()
    return seconds, sum(after[2:4]) - sum(before[2:4])


def main() -> None:
    """Measure all calls in turn, and print the fastest time of each and its ratio to importing Typer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", help="a record to serve")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    times: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.rounds):
        for name, arguments in CALLS.items():
            times.setdefault(name, []).append(run_time(arguments))
        if options.record:
            times.setdefault("vulneuron serve, address", []).append(address_time(options.record))
    fastest = {name: tuple(map(min, zip(*pairs, strict=True))) for name, pairs in times.items()}
    base_wall, base_processor = fastest[BASE]
    print(f"{'':28} {'seconds':>8} {'ratio':>6} {'on a processor':>15} {'ratio':>6}")
    for name, (wall, processor) in fastest.items():
        ratios = wall / base_wall, processor / base_processor
        print(f"{name:28} {wall:8.2f} {ratios[0]:6.1f} {processor:15.2f} {ratios[1]:6.1f}")


if __name__ == "__main__":
    main()
