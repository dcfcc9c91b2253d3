"""Seconds to the loss that pastiche 1.6.0 reaches in N steps, pastiche beside Velatura.

    python benchmarks/time_to_loss.py --photos DIR --paintings DIR [--size 512] [--steps 300]

Both minimise pastiche's objective (its defaults, from the photograph) over the same decoded
images, in one process on the same threads, pair by pair. Velatura's seconds count everything from
the decoded images on: loading the network, coarse scales, warm start. Its image is judged by
pastiche's own float32 objective after every second step at full size, off the clock; its time is
that of the first which is as good. `--json` prints one object on stdout.
"""

import argparse
import contextlib
import dataclasses
import json
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from velatura import StyleConfig
from velatura.images.io import read, to_pil
from velatura.images.resize import fit, resize
from velatura.painting import optimizers
from velatura.painting.objective import Objective
from velatura.painting.recipes import PASTICHE
from velatura.perception import losses, weights
from velatura.perception.devices import pick_dtype
from velatura.perception.vgg import VGG19

OURS = dataclasses.replace(
    PASTICHE,
    basis="fourier",
    style_layers={k: v for k, v in PASTICHE.style_layers.items() if k != "relu5_1"},
)
"""The same without relu5_1, which is a thousandth of the loss and a quarter of the work.

It counts when the picture is judged.
"""

PLAN = ((4, 20, 0), (2, 15, 0), (1, 12, 600))
"""Scales, each with its divisor, steps with the Wasserstein loss, steps with pastiche's own."""


def peer(photo: Path, painting: Path, steps: int) -> tuple[Any, float, float]:
    """Pastiche's artist after `steps` steps, its loss, its seconds."""
    from pastiche.pastiche import PasticheArtist

    began = time.perf_counter()
    artist = PasticheArtist(str(photo), [str(painting)], style_size=_size(painting), device="cpu")
    for _ in range(steps):
        artist.draw()
    seconds = time.perf_counter() - began
    with torch.no_grad():
        return artist, float(artist._calc_loss()), seconds


def judge(artist: Any, image: torch.Tensor) -> float:
    """Pastiche's own loss of an image (1, 3, height, width) in [0, 1]."""
    mean = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    with torch.no_grad():
        artist.pastiche = image[:, [2, 1, 0]] * 255 - mean
        return float(artist._calc_loss())


def ours(
    artist: Any, photo: Path, painting: Path, target: float, limit: float
) -> tuple[float, float, int]:
    """Velatura's seconds until its image is as good as `target`, its loss there, steps at size."""
    clock = Clock()
    content, style = read(photo).pixels, read(painting).pixels
    network = VGG19(
        weights.load(),
        OURS.layers,
        padding="zero",
        dtype=pick_dtype("auto", content.device),
    )
    image = smaller = content
    for divisor, warm_steps, steps in PLAN:
        scene = resize(content, (content.shape[-2] // divisor, content.shape[-1] // divisor))
        reference = resize(style, (style.shape[-2] // divisor, style.shape[-1] // divisor))
        # What the photograph has that the coarse scale could not hold is put back.
        size = (scene.shape[-2], scene.shape[-1])
        image = scene + resize(image, size) - resize(smaller, size)
        smaller = scene
        judged = Objective(network, scene, [reference], OURS)
        warm = Objective(network, scene, [reference], _warm(network, scene, reference))
        for objective, count in ((warm, warm_steps), (judged, steps)):
            optimizer = optimizers.build(OURS, history=100)
            for number in range(1, count + 1):
                _, gradient = objective(image)
                image = optimizer.step(image, gradient)
                if objective is judged and number % 2 == 0:
                    with clock.stopped():
                        loss = judge(artist, image)
                    if loss <= target or clock.seconds() > limit:
                        return clock.seconds(), loss, number
    return clock.seconds(), loss, number


def _warm(network: VGG19, content: Tensor, style: Tensor) -> StyleConfig:
    """A Wasserstein objective that weighs content and style about as a Gram objective does.

    A Gram matrix of zero costs `style` there and 1 here, features of zero cost `content` and 1.
    Near the target Gram distances grow with the square of what Wasserstein distances grow with,
    hence the factor, found by trial on two pairs.
    """
    features = network(style, ["relu4_1"])["relu4_1"]
    gram = losses.moments(features) / features[0, 0].numel()
    style_size = float(gram.square().mean()) * OURS.style_layers["relu4_1"]
    content_size = float(network(content, ["relu4_2"])["relu4_2"].float().square().mean())
    return StyleConfig(
        color_weight=0,
        neighbor_weight=0,
        content_layers={"relu4_2": 1.0},
        content_weight=50 * OURS.content_layers["relu4_2"] * content_size / style_size,
        style_layers=dict.fromkeys(OURS.style_layers, 1.0),
        padding="zero",
    )


class Clock:
    """Counts seconds, except while stopped."""

    def __init__(self) -> None:
        self.began, self.off = time.perf_counter(), 0.0

    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self.began - self.off

    @contextlib.contextmanager
    def stopped(self) -> Any:
        """A block that does not count."""
        before = time.perf_counter()
        yield
        self.off += time.perf_counter() - before


def _size(path: Path) -> list[int]:
    with Image.open(path) as image:
        return [image.height, image.width]


def _prepare(source: Path, folder: Path, size: tuple[int, int]) -> Path:
    path = folder / f"{source.stem}-{size[1]}.png"
    to_pil(resize(read(source).pixels, size)).save(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--skip", type=int, default=0, help="begin after so many pairs")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)  # pastiche reads pixels the old way
    torch.set_num_threads(arguments.threads)
    photos, paintings = sorted(arguments.photos.iterdir()), sorted(arguments.paintings.iterdir())
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.skip, arguments.skip + arguments.pairs):
            photo = photos[number % len(photos)]
            painting = paintings[number * 3 % len(paintings)]
            size = fit(read(photo).size, arguments.size)
            shape = read(painting).size
            area = (size[0] * size[1] / (shape[0] * shape[1])) ** 0.5
            content = _prepare(photo, Path(folder), size)
            style = _prepare(painting, Path(folder), tuple(round(s * area) for s in shape))
            artist, target, theirs = peer(content, style, arguments.steps)
            seconds, loss, steps = ours(artist, content, style, target, theirs)
            row = {
                "photo": photo.name,
                "painting": painting.name,
                "pastiche_seconds": round(theirs, 1),
                "pastiche_loss": round(target, 1),
                "velatura_seconds": round(seconds, 1),
                "velatura_loss": round(loss, 1),
                "velatura_steps": steps,
                "reached": loss <= target,
                "ratio": round(theirs / seconds, 2),
            }
            rows.append(row)
            print(" ".join(f"{k}={v}" for k, v in row.items()), file=sys.stderr, flush=True)
    median = statistics.median(row["ratio"] for row in rows)
    if arguments.json:
        print(json.dumps({"pairs": rows, "median_ratio": median}))
    else:
        print(f"| {' | '.join(rows[0])} |\n|{' --- |' * len(rows[0])}")
        for row in rows:
            print(f"| {' | '.join(map(str, row.values()))} |")
        print(f"\nmedian ratio {median}")


if __name__ == "__main__":
    main()
