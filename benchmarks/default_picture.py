"""The default picture: loss terms along the way and seconds per scale, as Markdown tables.

    python benchmarks/default_picture.py [PHOTO PAINTING] [--against COMMIT [--size 512] [--runs 3]]

Without arguments it paints the shipped sample. With `--against` the whole command is timed instead,
that of a commit and that of the working tree in alternation.
"""

import argparse
import dataclasses
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path

import torch

from velatura import StyleConfig, transfer
from velatura.painting.optimizers import LBFGS
from velatura.samples import sample


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("photo", nargs="?", default=str(sample("photograph.jpg")))
    parser.add_argument("painting", nargs="?", default=str(sample("brush.jpg")))
    parser.add_argument("--against", metavar="COMMIT")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.against:
        compare(arguments)
    else:
        show_terms(arguments.photo, arguments.painting)


def compare(arguments: argparse.Namespace) -> None:
    """Time the command of a commit and of the working tree, in alternation."""
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = subprocess.run(
            ["git", "archive", arguments.against, "src"], cwd=root, check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", name], input=archive.stdout, check=True)
        sources = {arguments.against: folder / "src", "working tree": root / "src"}
        seconds: dict[str, list[float]] = {source: [] for source in sources}
        for _ in range(arguments.runs):
            for source, path in sources.items():
                command = [sys.executable, "-m", "velatura", "stylize"]
                command += [arguments.photo, arguments.painting, "--size", str(arguments.size)]
                command += ["-o", str(folder / "out.png"), "--quiet"]
                began = time.monotonic()
                subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(path)})
                seconds[source].append(time.monotonic() - began)
                print(source, f"{seconds[source][-1]:.1f} s", file=sys.stderr, flush=True)
    print("| program | seconds of the whole command | median |\n| --- | --- | ---: |")
    for source, listed in seconds.items():
        shown = ", ".join(f"{value:.1f}" for value in listed)
        print(f"| {source} | {shown} | {statistics.median(listed):.1f} |")
    before, now = (statistics.median(listed) for listed in seconds.values())
    print(f"\n{before / now:.2f} times sooner at {arguments.size} pixels")


def show_terms(photo: str, painting: str) -> None:
    """Paint once and print the tables."""
    config = StyleConfig()
    began = time.monotonic()
    # Without its picture and the optimiser's memory a step is small.
    steps = [
        dataclasses.replace(step, latent=step.latent[..., :1, :].clone(), optimizer=LBFGS())
        for step in transfer(photo, [painting], config)
    ]
    total = time.monotonic() - began
    print(
        f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{steps[-1].scales[-1].size[1]}×{steps[-1].scales[-1].size[0]}, {total:.1f} s in all\n"
    )
    names = list(dict.fromkeys(name for step in steps for name in step.terms))
    print(f"| step | scale | loss | {' | '.join(names)} |\n|{' ---: |' * (3 + len(names))}")
    seconds = {}
    before = 0.0
    for _, group in groupby(steps, key=lambda step: step.scale):
        visited = list(group)
        shown = {0, len(visited) // 4, len(visited) // 2, len(visited) - 1}
        for number, step in enumerate(visited):
            if number in shown:
                values = (step.terms.get(name) for name in names)
                terms = " | ".join("" if value is None else f"{value:.4f}" for value in values)
                width = step.image.shape[-1]
                print(f"| {step.number} | {width} | {step.loss:.4f} | {terms} |")
        seconds[visited[0].image.shape[-1]] = (len(visited), visited[-1].seconds - before)
        before = visited[-1].seconds
    print("\n| scale | steps | seconds | seconds a step |\n| ---: | ---: | ---: | ---: |")
    for width, (count, spent) in seconds.items():
        print(f"| {width} | {count} | {spent:.1f} | {spent / count:.3f} |")


if __name__ == "__main__":
    main()
