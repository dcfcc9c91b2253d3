"""Loss by looks through the network: learned updates beside L-BFGS.

    python benchmarks/learned_updates.py --content DIR --style DIR --output FOLDER
        [--updates FILE] [--pairs 0,1,2] [--seen 0,2,4] [--size 384]

The second style with the second photograph and so on, photographs again from the first when they
run out. At each scale both begin with the same picture, which L-BFGS painted at the scales before
in `LOOKS` looks each, and minimise the same loss. `Worth` is how many looks L-BFGS needs for the
loss that so many learned ones reach. `whole` is a picture with so many looks at every scale, judged
by the last scale's loss, with the neighbours that it has itself. Intervals are of 95% over
pairs drawn anew. `--seen` are pairs whose painting the network was trained on; they stand apart.
What is found is kept in FOLDER, so that the same command goes on where it was stopped; other
updates need the JSON files there deleted. `--updates none` does L-BFGS's part alone.
"""

import argparse
import json
import random
import statistics
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from velatura.images import tensorfile
from velatura.images.finding import pictures
from velatura.images.io import read, to_pil, write
from velatura.images.resize import resize
from velatura.painting import learned_models
from velatura.painting.config import FOCUS_LAYER, StyleConfig
from velatura.painting.engine import plan
from velatura.painting.inputs import read_inputs
from velatura.painting.objective import Objective
from velatura.painting.optimizers import LBFGS, Optimizer
from velatura.perception import weights
from velatura.perception.devices import pick_device, pick_dtype
from velatura.perception.saliency import saliency
from velatura.perception.vgg import VGG19

LOOKS = 24  # of L-BFGS
LEARNED = (1, 2, 4, 8)  # looks
WHOLE = (2, 4, 8)
DRAWS = 2000


class Painting:
    """A pair with its objectives at every scale."""

    def __init__(self, photograph: Path, painting: Path, config: StyleConfig) -> None:
        device = pick_device("cpu")
        self.config = config
        self.network = VGG19(
            weights.load(config.weights),
            config.layers,
            padding=config.padding,
            dtype=pick_dtype(config.precision, device),
        )
        inputs = read_inputs(photograph, painting, config, device).recoloured(config)
        self.scales = plan((inputs.content.shape[-2], inputs.content.shape[-1]), config)
        places = saliency(self.network, inputs.content, FOCUS_LAYER)
        self.focus = torch.lerp(torch.ones_like(places), places, config.content_focus)
        self.now = [inputs.at(scale.size, config) for scale in self.scales]
        self.objectives = [self._objective(k) for k in range(len(self.scales))]

    def begin(self, scale: int, image: Tensor | None) -> Tensor:
        """What a scale begins with, its neighbours found."""
        now = self.now[scale]
        image = now.content if image is None else resize(image, self.scales[scale].size)
        shown = torch.lerp(now.content, image.clamp(0, 1), self.config.matched_share)
        self.objectives[scale].match(shown)
        return image

    def follow(
        self, scale: int, image: Tensor, optimizer: Optimizer, looks: int
    ) -> tuple[list[float], Tensor]:
        """Losses before and after each look, and the last picture."""
        losses = []
        for _ in range(looks):
            terms, gradient = self.objectives[scale](image)
            losses.append(float(sum(terms.values())))
            image = optimizer.step(image, gradient)
        return [*losses, self.loss(scale, image)], image

    def loss(self, scale: int, image: Tensor) -> float:
        """Of a picture."""
        return float(sum(self.objectives[scale](image)[0].values()))

    def whole(self, make: Callable[[], Optimizer], looks: int) -> Tensor:
        """A picture with so many looks at every scale."""
        image: Tensor | None = None
        for scale in range(len(self.scales)):
            begun = self.begin(scale, image)
            _, image = self.follow(scale, begun, make(), looks)
        assert image is not None
        return image

    def _objective(self, scale: int) -> Objective:
        now, size = self.now[scale], max(self.scales[scale].size)
        config = self.config.at_scale(size, scale == 0, scale == len(self.scales) - 1)
        return Objective(self.network, now.content, now.styles, config, focus=self.focus)


@torch.no_grad()
def by_lbfgs(painting: Painting, kept: Path) -> None:
    """What learned updates are measured by: curves, where scales begin, whole pictures."""
    curves: list[list[float]] = []
    tensors: dict[str, Tensor] = {}
    image: Tensor | None = None
    for scale in range(len(painting.scales)):
        begun = painting.begin(scale, image)
        tensors[f"begun {scale}"] = begun
        losses, image = painting.follow(scale, begun, LBFGS(), LOOKS)
        curves.append(losses)
    for n in sorted({times * n for n in WHOLE for times in (1, 3)}):
        write(_picture(kept, "lbfgs", n), to_pil(painting.whole(LBFGS, n)))
    tensorfile.write(kept, tensors, {"scales": curves})


@torch.no_grad()
def measure(painting: Painting, make: Callable[[], Optimizer], kept: Path) -> dict[str, Any]:
    """Curves at each scale and losses of whole pictures, of both."""
    tensors, of_lbfgs = tensorfile.read(kept)
    found: dict[str, Any] = {"scales": [], "whole": {}}
    for scale, losses in enumerate(of_lbfgs["scales"]):
        begun = painting.begin(scale, tensors[f"begun {scale}"])
        learned, _ = painting.follow(scale, begun, make(), max(LEARNED))
        found["scales"].append({"lbfgs": losses, "learned": learned})
    for n in WHOLE:
        write(_picture(kept, "learned", n), to_pil(painting.whole(make, n)))
    last = len(painting.scales) - 1
    for kind, times in (("learned", 1), ("lbfgs", 1), ("lbfgs", 3)):
        for n in WHOLE:
            picture = read(_picture(kept, kind, times * n)).pixels
            found["whole"][f"{kind} {times * n}"] = painting.loss(
                last, painting.begin(last, picture)
            )
    return found


def _picture(kept: Path, kind: str, looks: int) -> Path:
    return kept.with_name(f"{kept.stem}-{kind}-{looks}.png")


def worth(curve: Sequence[float], loss: float) -> float:
    """Looks after which `curve` comes to `loss`, between two of them in proportion."""
    for n, (before, after) in enumerate(pairwise(curve)):
        if after <= loss:
            return n + max(0.0, (before - loss) / max(before - after, 1e-12))
    return float(len(curve) - 1)


def interval(values: Sequence[float]) -> str:
    """Median and its interval over pairs drawn anew."""
    draws = random.Random(0)
    medians = sorted(statistics.median(draws.choices(values, k=len(values))) for _ in range(DRAWS))
    low, high = medians[int(0.025 * DRAWS)], medians[int(0.975 * DRAWS)]
    return f"{statistics.median(values):.3g} ({low:.3g} to {high:.3g})"


def table(found: dict[int, dict[str, Any]]) -> None:
    """Print what was found, as Markdown."""
    count = len(next(iter(found.values()))["scales"])
    print("| scale | learned looks | loss in terms of the first | L-BFGS as many | worth |")
    print("| --- | --- | --- | --- | --- |")
    for scale in range(count):
        curves = [of["scales"][scale] for of in found.values()]
        for n in LEARNED:
            learned, lbfgs = (
                interval([c[kind][n] / c[kind][0] for c in curves]) for kind in ("learned", "lbfgs")
            )
            looks = interval([worth(c["lbfgs"], c["learned"][n]) for c in curves])
            print(f"| {scale + 1} of {count} | {n} | {learned} | {lbfgs} | {looks} |")
    print("\n| whole | learned / L-BFGS as many | learned / L-BFGS three times as many |")
    print("| --- | --- | --- |")
    for n in WHOLE:
        ratios = [
            interval(
                [
                    of["whole"][f"learned {n}"] / of["whole"][f"lbfgs {t * n}"]
                    for of in found.values()
                ]
            )
            for t in (1, 3)
        ]
        print(f"| {n} looks a scale | {ratios[0]} | {ratios[1]} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--updates", default="default")
    parser.add_argument("--pairs", default=",".join(map(str, range(20))))
    parser.add_argument("--seen", default="")
    parser.add_argument("--size", type=int, default=384)
    arguments = parser.parse_args()
    photographs, styles = (pictures(f)[0] for f in (arguments.content, arguments.style))
    config = StyleConfig(size=arguments.size, optimizer="learned", updates=arguments.updates)
    seen = {int(n) for n in arguments.seen.split(",") if n}
    arguments.output.mkdir(parents=True, exist_ok=True)
    found: dict[int, dict[str, Any]] = {}
    for number in map(int, arguments.pairs.split(",")):
        reference = arguments.output / f"{number:02}.safetensors"
        kept = reference.with_suffix(".json")
        if not kept.exists() or not reference.exists():
            painting = Painting(photographs[number % len(photographs)], styles[number], config)
            if not reference.exists():
                by_lbfgs(painting, reference)
            if arguments.updates == "none":
                continue
            of = measure(painting, lambda: learned_models.optimizer(config, LBFGS()), reference)
            kept.write_text(json.dumps(of))
        found[number] = json.loads(kept.read_text())
        print(f"pair {number}: {found[number]['whole']}", flush=True)
    for name, chosen in (("not trained on", False), ("trained on", True)):
        if some := {n: of for n, of in found.items() if (n in seen) == chosen}:
            print(f"\nPaintings {name}, {len(some)} pairs:\n")
            table(some)


if __name__ == "__main__":
    main()
