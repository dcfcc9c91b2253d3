"""Seconds a step and peak memory of a picture painted in tiles.

    python benchmarks/large_picture.py PHOTO PAINTING [--size 5176] [--memory 6GB] [--steps …]

Runs the program as a user would and reads its log. A step at full size is compared with what the
same number of pixels would cost at the cost per pixel of 1024 pixels seen whole, painted first. The
peak is that of the resident set, the program and all its libraries included.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import psutil


def paint(photo: Path, painting: Path, output: Path, *options: str) -> tuple[float, float, float]:
    """Median seconds a step at the last scale, seconds in all, peak bytes."""
    log = output.with_suffix(".jsonl")
    command = [sys.executable, "-m", "velatura", "stylize", str(photo), str(painting)]
    began = time.monotonic()
    process = psutil.Popen([*command, "-o", str(output), "--log", str(log), *options])
    peak = 0.0
    while process.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.05)
    if process.wait():
        sys.exit(process.returncode)
    seconds = time.monotonic() - began
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    times = [step["seconds"] for step in steps if step["scale"] == steps[-1]["scale"]]
    # The first step of a scale also looks at photograph and painting.
    between = [after - before for before, after in pairwise(times)]
    return statistics.median(between), seconds, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("painting", type=Path)
    parser.add_argument("--size", default="5176")
    parser.add_argument("--memory", default="6GB")
    parser.add_argument("--steps", help="as for velatura stylize; its own schedule if not given")
    parser.add_argument("-o", "--output", type=Path, help="keep the picture")
    arguments = parser.parse_args()
    steps = ["--steps", arguments.steps] if arguments.steps else []
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.png"
        whole_options = ("--size", "1024", "--single-scale", "--steps", "8", "--quiet")
        whole_step, _, _ = paint(arguments.photo, arguments.painting, whole, *whole_options)
        output = arguments.output or Path(folder) / "tiled.png"
        options = ("--size", arguments.size, "--memory", arguments.memory, *steps)
        step, seconds, peak = paint(arguments.photo, arguments.painting, output, *options)
        from PIL import Image

        Image.MAX_IMAGE_PIXELS = None
        with Image.open(whole) as small, Image.open(output) as large:
            expected = whole_step * large.width * large.height / (small.width * small.height)
            print(
                f"{large.width}×{large.height}, limit {arguments.memory}: {seconds:.0f} s in all, "
                f"{step:.1f} s a step, {step / expected:.2f} times the {expected:.1f} s that it "
                f"would cost at {1e6 * whole_step / (small.width * small.height):.3f} s a "
                f"megapixel seen whole; peak memory {peak / 1e9:.2f} GB"
            )
    subprocess.run([sys.executable, "-m", "velatura", "doctor"], check=True)


if __name__ == "__main__":
    main()
