"""Train a network of learned updates on the objective that paintings have.

An update's training costs no more looks than painting does: the gradient at the next image, which
the next update needs anyway, is what the one before is learnt from. It is taken as given, without
second derivatives; what is minimised is Σ w_k L(x_k) / L(x_0).
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from velatura.images.resize import resize
from velatura.painting.colors import prepare
from velatura.painting.config import FOCUS_LAYER, StyleConfig
from velatura.painting.learned import LearnedUpdates, UpdateNetwork
from velatura.painting.learned_options import UpdateTrainingOptions
from velatura.painting.objective import Objective
from velatura.painting.optimizers import LBFGS, Optimizer
from velatura.painting.terms import Terms
from velatura.perception import weights
from velatura.perception.devices import pick_device, pick_dtype
from velatura.perception.saliency import saliency
from velatura.perception.vgg import VGG19
from velatura.training.loop import Progress, TrainingStep, train
from velatura.training.photographs import Photographs, split

AVERAGING = 0.99
JUDGED_AT = (1, 2, 4, 8)  # looks
JUDGED = 2  # held-out pictures of each stage
COARSE_JUDGED = 12  # steps of L-BFGS at half the size before them
LAST_COUNTS = 2.0  # times as much as the looks before
PHOTOGRAPH_AS_PAINTING = 0.1  # of the pictures: other textures than the paintings' there are
COARSE = 0.75  # of the pictures at finer stages that begin with a coarser one's
SEGMENTS = 2  # of looks, which a picture is painted in: later ones begin where others ended


class Stage(NamedTuple):
    """A scale of a painting as the engine has them."""

    long_side: int  # of the whole picture, by which layers are chosen
    first: bool
    last: bool
    sizes: tuple[int, int]  # long sides that photographs and paintings are brought to
    share: float  # of the training


STAGES = (
    Stage(128, True, False, (128, 192), 0.3),
    Stage(256, False, False, (192, 320), 0.3),
    Stage(512, False, True, (320, 480), 0.4),
)


class Sitting(NamedTuple):
    """A picture to be painted: what is minimised, and where it begins."""

    objective: Objective
    image: Tensor


class Task:
    """What a step of the training teaches: looks at some pictures, gradients at the parameters.

    Args:
        network: the one that learns.
        photographs: files of photographs.
        paintings: files of paintings; a tenth of both is kept to judge by.
        options: see there.
        on_error: is told of files that cannot be read.
    """

    def __init__(
        self,
        network: UpdateNetwork,
        photographs: Sequence[Path],
        paintings: Sequence[Path],
        options: UpdateTrainingOptions,
        on_error: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.network, self.options = network, options
        self.device = pick_device(options.device)
        self.dtype = pick_dtype(options.precision, self.device)
        self.config = StyleConfig()
        self.perception = VGG19(
            weights.load(options.weights),
            self.config.layers,
            pooling=self.config.pooling,
            padding=self.config.padding,
            device=self.device,
            dtype=self.dtype,
        )

        def crops(paths: Sequence[Path], seed: int) -> list[Photographs]:
            return [
                Photographs(paths, options.crop, stage.sizes, seed, on_error=on_error)
                for stage in STAGES
            ]

        (photographs, kept), (paintings, kept_paintings) = split(photographs), split(paintings)
        self.photographs = crops(photographs, options.seed)
        self.paintings = crops(paintings, options.seed + 1)
        self.sought = {f"{kind} {n}": 0.0 for kind in ("learned", "lbfgs") for n in JUDGED_AT}
        held_out = crops(kept, 0), crops(kept_paintings, 1)
        self.judged = [
            self._judged(held_out, number, stage)
            for stage in range(len(STAGES))
            for number in range(JUDGED)
        ]
        self._note("lbfgs", [self._followed(sitting, None) for sitting in self.judged])

    def __call__(self, number: int) -> dict[str, float]:
        """Add the gradients of step `number`; return its terms."""
        batch = self.options.batch
        ratios = [self._learn(number * batch + index) for index in range(batch)]
        return {"ratio": sum(ratios) / batch}

    def judge(self, network: nn.Module) -> float:
        """Loss of held-out pictures after the most looks, in terms of the first."""
        made = cast("UpdateNetwork", network)
        self._note("learned", [self._followed(sitting, made) for sitting in self.judged])
        return self.sought[f"learned {JUDGED_AT[-1]}"]

    def _note(self, kind: str, curves: Sequence[Sequence[float]]) -> None:
        for n in JUDGED_AT:
            ratios = [curve[n] / curve[0] for curve in curves]
            self.sought[f"{kind} {n}"] = sum(ratios) / len(ratios)

    def _optimizer(self, network: UpdateNetwork | None) -> Optimizer:
        """Learned updates, or L-BFGS if there is no network."""
        return LearnedUpdates(network, self.dtype, LBFGS()) if network else LBFGS()

    @torch.no_grad()
    def _followed(self, sitting: Sitting, network: UpdateNetwork | None) -> list[float]:
        """Losses at each look; by L-BFGS if there is no network."""
        image, losses, optimizer = sitting.image, [], self._optimizer(network)
        for _ in range(JUDGED_AT[-1] + 1):
            terms, gradient = sitting.objective(image)
            losses.append(_sum(terms))
            image = optimizer.step(image, gradient)
        return losses

    def _learn(self, number: int) -> float:
        """Add the gradients of picture `number`, of norm 1 / batch; its last loss by its first.

        It is painted in SEGMENTS of some looks, each learnt through at once. What comes to no
        finite numbers is left out.
        """
        choices = random.Random(f"{self.options.seed} {number}")  # noqa: S311  no secret
        objective, image = self._sitting(choices, number)
        updates = LearnedUpdates(self.network, self.dtype, LBFGS())
        terms, gradient = objective(image)
        first = loss = _sum(terms)
        for _ in range(SEGMENTS):
            image = image.detach()
            updates.detach()
            total = image.new_zeros(())
            looks = max(1, self.options.looks + choices.randint(-2, 2))
            for look in range(looks):
                image = updates.look(image, gradient)
                if not torch.isfinite(image).all():
                    return 1.0
                terms, gradient = objective(image.detach())
                loss = _sum(terms)
                total = total + (image * gradient).sum() * (LAST_COUNTS if look == looks - 1 else 1)
            self._add(total)
        return loss / first if first and math.isfinite(loss / first) else 1.0

    def _add(self, total: Tensor) -> None:
        """Add the gradient of `total`, of norm 1 / (batch · SEGMENTS), to the parameters'."""
        parameters = list(self.network.parameters())
        found = torch.autograd.grad(total, parameters)
        norm = float(torch.stack([part.square().sum() for part in found]).sum().sqrt())
        if not math.isfinite(norm):
            return
        factor = 1 / (self.options.batch * SEGMENTS * max(norm, 1e-20))
        for parameter, part in zip(parameters, found, strict=True):
            added = part * factor
            parameter.grad = added if parameter.grad is None else parameter.grad + added

    @torch.no_grad()
    def _sitting(self, choices: random.Random, number: int) -> Sitting:
        """Picture `number` of the training."""
        stage = choices.choices(range(len(STAGES)), [stage.share for stage in STAGES])[0]
        photograph = self.photographs[stage].batch(number, 1)
        pool = self.photographs if choices.random() < PHOTOGRAPH_AS_PAINTING else self.paintings
        painting = pool[stage].batch(-1 - number, 1)
        channels = [0, 1, 2]
        if choices.random() < 0.5:  # more palettes than the paintings'
            choices.shuffle(channels)
        painting = painting[:, channels]
        strength = choices.choice([0.5, choices.uniform(0.15, 0.95)])
        coarse = choices.randint(2, 8) if stage and choices.random() < COARSE else 0
        return self._begun(stage, photograph, painting, strength, coarse, self.network)

    @torch.no_grad()
    def _judged(
        self, held_out: tuple[list[Photographs], list[Photographs]], number: int, stage: int
    ) -> Sitting:
        photograph, painting = (kind[stage].batch(number, 1) for kind in held_out)
        coarse = COARSE_JUDGED if stage else 0
        return self._begun(stage, photograph, painting, 0.5, coarse, None)

    def _begun(
        self,
        stage: int,
        photograph: Tensor,
        painting: Tensor,
        strength: float,
        coarse: int,
        network: UpdateNetwork | None,
    ) -> Sitting:
        """A picture at a stage, with so many looks at half its size before."""
        config = replace(self.config, strength=strength)
        photograph, painting = photograph.to(self.device), painting.to(self.device)
        photograph = prepare(photograph, [painting], config).photograph
        image = photograph
        size = (image.shape[-2], image.shape[-1])
        if coarse:
            half = (size[0] // 2, size[1] // 2)
            below = self._at(stage - 1, resize(photograph, half), resize(painting, half), config)
            image, optimizer = below.image, self._optimizer(network)
            for _ in range(coarse):
                moved = optimizer.step(image, below.objective(image)[1])
                if not torch.isfinite(moved).all():
                    break
                image = moved
            image = resize(image, size)
        return self._at(stage, photograph, painting, config, image)

    def _at(
        self,
        number: int,
        photograph: Tensor,
        painting: Tensor,
        config: StyleConfig,
        image: Tensor | None = None,
    ) -> Sitting:
        image, stage = photograph if image is None else image, STAGES[number]
        at_scale = config.at_scale(stage.long_side, stage.first, stage.last)
        places = saliency(self.perception, photograph, FOCUS_LAYER)
        focus = torch.lerp(torch.ones_like(places), places, config.content_focus)
        objective = Objective(self.perception, photograph, [painting], at_scale, focus=focus)
        objective.match(torch.lerp(photograph, image.clamp(0, 1), config.matched_share))
        return Sitting(objective, image)


def _sum(terms: Terms) -> float:
    return float(sum(terms.values()))


@torch.inference_mode(False)  # whatever the caller is in: gradients are needed
def train_updates(
    photographs: Sequence[Path],
    paintings: Sequence[Path],
    options: UpdateTrainingOptions,
    network: UpdateNetwork | None = None,
    state: Progress | None = None,
    on_error: Callable[[str], None] = lambda message: None,
) -> Iterator[TrainingStep]:
    """Train an update network, yielding each step.

    From `network` it begins if one is given; from a `state` of the same training it goes on as if
    it had never stopped. `on_error` is told of files that cannot be read.

    Raises:
        ImageError: no photograph or no painting can be read.
        DivergenceError: the loss is no finite number any more.
    """
    network = (network or UpdateNetwork(options.seed)).to(pick_device(options.device))
    task = Task(network, photographs, paintings, options, on_error)
    yield from train(network, task, options.steps, options.learning_rate, AVERAGING, state)
