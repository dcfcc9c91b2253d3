"""The default picture: loss terms along the way and seconds per scale, as Markdown tables.

    python benchmarks/default_picture.py [PHOTO PAINTING]

Without arguments it paints the shipped sample.
"""

import dataclasses
import platform
import sys
import time
from importlib.resources import files
from itertools import groupby

import torch

from velatura import StyleConfig, transfer
from velatura.painting.optimizers import LBFGS


def main() -> None:
    samples = files("velatura") / "samples"
    photo, painting = sys.argv[1:3] or (samples / "photograph.jpg", samples / "brush.jpg")
    config = StyleConfig()
    began = time.monotonic()
    # Without its picture and the optimiser's memory a step is small.
    steps = [
        dataclasses.replace(step, latent=step.latent[..., :1, :].clone(), optimizer=LBFGS())
        for step in transfer(str(photo), [str(painting)], config)
    ]
    total = time.monotonic() - began
    print(
        f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{steps[-1].scales[-1].size[1]}×{steps[-1].scales[-1].size[0]}, {total:.1f} s in all\n"
    )
    names = list(steps[0].terms)
    print(f"| step | scale | loss | {' | '.join(names)} |\n|{' ---: |' * (3 + len(names))}")
    seconds = {}
    before = 0.0
    for _, group in groupby(steps, key=lambda step: step.scale):
        visited = list(group)
        shown = {0, len(visited) // 4, len(visited) // 2, len(visited) - 1}
        for number, step in enumerate(visited):
            if number in shown:
                terms = " | ".join(f"{value:.4f}" for value in step.terms.values())
                width = step.image.shape[-1]
                print(f"| {step.number} | {width} | {step.loss:.4f} | {terms} |")
        seconds[visited[0].image.shape[-1]] = (len(visited), visited[-1].seconds - before)
        before = visited[-1].seconds
    print("\n| scale | steps | seconds | seconds a step |\n| ---: | ---: | ---: | ---: |")
    for width, (count, spent) in seconds.items():
        print(f"| {width} | {count} | {spent:.1f} | {spent / count:.3f} |")


if __name__ == "__main__":
    main()
