"""A picture beside another program: how PyTorch's threads wait for each other.

    python benchmarks/busy_machine.py [--runs 3] [--size 256]

Paints the shipped sample with `velatura stylize`, on the machine alone and while another process
of another session keeps one core busy: awake as GNU OpenMP waits by itself, asleep as Velatura
lets it beside another program, and in one thread. They take turns; medians in seconds.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

from velatura.samples import sample

BESIDE = {"nothing": "pass", "a busy process": "while True: pass"}
WAYS = {
    "awake": {"GOMP_SPINCOUNT": "300000"},
    "asleep": {"GOMP_SPINCOUNT": "2000"},
    "one thread": {"OMP_NUM_THREADS": "1"},
    "as Velatura chooses": {},
}


def paint(folder: str, environment: dict[str, str], size: int) -> float:
    began = time.monotonic()
    subprocess.run(
        [
            *(sys.executable, "-m", "velatura", "stylize"),
            *(sample("photograph.jpg"), sample("brush.jpg"), "-o", f"{folder}/out.png"),
            *("--size", str(size), "--steps", "8,4", "--precision", "fp32", "--quiet"),
        ],
        env=os.environ | environment,
        check=True,
    )
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    print(f"| beside it | {' | '.join(WAYS)} |\n|{' --- |' * (1 + len(WAYS))}")
    for beside, code in BESIDE.items():
        other = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        try:
            with TemporaryDirectory() as folder:
                taken: dict[str, list[float]] = {way: [] for way in WAYS}
                for _ in range(arguments.runs):
                    for way, environment in WAYS.items():
                        taken[way].append(paint(folder, environment, arguments.size))
        finally:
            other.kill()
            other.wait()
        medians = [f"{statistics.median(seconds):.1f}" for seconds in taken.values()]
        print(f"| {beside} | {' | '.join(medians)} |", flush=True)


if __name__ == "__main__":
    main()
