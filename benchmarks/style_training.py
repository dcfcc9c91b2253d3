"""What training a style takes: which loss, how many photographs, and what steadiness is worth.

    python benchmarks/style_training.py PAINTING --photos DIR --film PHOTO [--steps 300]

One network after another is trained from nothing: with the Wasserstein loss on all photographs, the
same with Gram matrices, on fewer photographs, and without the term for steadiness. All are judged
on the same held-out photographs, by the loss that they learn by and by the Wasserstein loss. Images
and seconds are those after which the former stays within 5% of where it ends; seconds with the
training's own judging, every fifty steps, and without the benchmark's. Flicker is the warp error of
a pan over PHOTO, in terms of the photographs' own (`one_pass.py flicker`).
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from one_pass import SIZE, film, warp_error
from sizes import at_size
from torch import Tensor, nn

from velatura.fast.network import StyleNetwork
from velatura.fast.options import TrainingOptions
from velatura.fast.training import tasks, train_styles
from velatura.images.io import read
from velatura.training.photographs import find, split

OFTEN = 20  # steps from one judgement to the next
NEAR = 1.05
FEW = (50, 100)
Judge = Callable[[nn.Module], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("painting", type=Path)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--film", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    painting, paths = [read(arguments.painting).pixels], find(arguments.photos)
    trained, held_out = split(paths)
    plain = TrainingOptions(steps=arguments.steps)
    frames = film(at_size(arguments.film, SIZE))
    own = warp_error(frames)
    print("| | images to 5% | seconds | held out, own loss | Wasserstein | flicker |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, few, options in (
        (f"Wasserstein, {len(trained)} photographs", trained, plain),
        (f"Gram, {len(trained)} photographs", trained, replace(plain, style_loss="gram")),
        *(
            (f"Wasserstein, {len(trained[:count])} photographs", trained[:count], plain)
            for count in FEW
        ),
        ("Wasserstein, without steadiness", trained, replace(plain, steadiness=0.0)),
    ):
        judges = [
            tasks(painting, [StyleNetwork()], paths, judged)[0] for judged in (options, plain)
        ]
        network, judged = trained_and_judged(painting, [*few, *held_out], options, judges[0].judge)
        near = first_near([loss for _, _, loss in judged])
        number, seconds, _ = judged[near]
        flicker = warp_error([network.paint(frame) for frame in frames]) / own
        last, common = judged[-1][2], judges[1].judge(network)
        print(
            f"| {name} | {number * options.batch} | {seconds:.0f} | {last:.3f} | {common:.3f} "
            f"| {flicker:.2f} |",
            flush=True,
        )


def trained_and_judged(
    painting: list[Tensor], paths: list[Path], options: TrainingOptions, judge: Judge
) -> tuple[StyleNetwork, list[tuple[int, float, float]]]:
    """The network, and after how many steps and seconds it was judged how."""
    judged, judging = [], 0.0
    for step in train_styles(painting, paths, options):
        (network,) = cast("nn.ModuleList", step.network)
        if step.number % OFTEN == 0 or step.number == step.total:
            seconds, began = step.seconds - judging, time.monotonic()
            judged.append((step.number, seconds, judge(network)))
            judging += time.monotonic() - began
    return cast("StyleNetwork", network), judged


def first_near(losses: list[float]) -> int:
    """Index of the first of `losses` from which on all are near the last."""
    far = [index for index, loss in enumerate(losses) if loss > NEAR * losses[-1]]
    return far[-1] + 1 if far else 0


if __name__ == "__main__":
    main()
