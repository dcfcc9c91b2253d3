"""Train a network to enlarge pictures."""

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from velatura.images.resize import gaussian_blur
from velatura.perception import weights
from velatura.perception.devices import pick_device, pick_dtype
from velatura.perception.vgg import VGG19
from velatura.superres.degrade import REACH, compressed, shrink
from velatura.superres.network import UpscaleNetwork
from velatura.superres.options import SCALES, UpscaleTrainingOptions
from velatura.training.loop import Progress, TrainingStep, train
from velatura.training.perceptual import PerceptualLoss
from velatura.training.photographs import Photographs, to_train_and_judge

TURN = (4, 2, 4, 3)  # the scales, step by step: the hardest one half of the time
JUDGED = 16  # held-out crops
AVERAGING = 0.998
PERIODIC, WINDOW = 20.0, 12  # weight of periodic patterns, in small pixels what they are sought in
SHIFTS = 8  # pixels, the period of VGG-19's first three pools


class Task:
    """What a step of the training teaches: small crops in, gradients at the parameters."""

    def __init__(
        self,
        network: UpscaleNetwork,
        paths: Sequence[Path],
        options: UpscaleTrainingOptions,
        on_error: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.network, self.options = network, options
        self.device = pick_device(options.device)
        self.dtype = pick_dtype(options.precision, self.device)
        self.perceive = self._perception() if options.loss == "features" else None
        self.sought: dict[str, float] = {}
        side = max(SCALES) * (options.crop + 2 * REACH)

        def crops_of(photographs: Sequence[Path]) -> Photographs:
            return Photographs(photographs, side, None, options.seed, on_error=on_error)

        self.photographs, judged = to_train_and_judge(crops_of, paths, JUDGED)
        self.judged = self._pairs(judged, max(SCALES), 0)

    def __call__(self, number: int) -> dict[str, float]:
        """Add the gradients of step `number`; return its terms."""
        scale = TURN[number % len(TURN)]
        sharp = self.photographs.batch(number, self.options.batch)
        small, sharp = self._pairs(sharp, scale, number)
        made = self.network(small, scale, self.dtype)
        error = (made - sharp).abs().mean()
        if self.perceive is None:
            error.backward()
            return {"pixels": float(error.detach())}
        periodic = PERIODIC * pattern(made - sharp, scale)
        # Wherever the pools of VGG-19 begin: a network that knew would paint their grid.
        choices = random.Random(f"{self.options.seed} {number} shifted")  # noqa: S311  no secret
        top, left = choices.randrange(SHIFTS), choices.randrange(SHIFTS)
        made, sharp = made[..., top:, left:], sharp[..., top:, left:]
        terms, gradient = self.perceive(made, sharp)
        error = self.options.pixel_weight * error + periodic
        torch.autograd.backward([made, error], [gradient, torch.ones_like(error)])
        return {
            "pixels": float(error.detach()),
            **{name: float(term) for name, term in terms.items()},
        }

    @torch.no_grad()
    def judge(self, network: nn.Module) -> float:
        """Loss of `network` on held-out crops, at the largest scale."""
        small, sharp = self.judged
        made = network(small, max(SCALES), self.dtype)
        error = float((made - sharp).abs().mean())
        if self.perceive is None:
            return error
        terms, _ = self.perceive(made, sharp)
        return self.options.pixel_weight * error + sum(float(term) for term in terms.values())

    def _pairs(self, sharp: Tensor, scale: int, number: int) -> tuple[Tensor, Tensor]:
        """Small crops, and the sharp ones that they are of.

        Shrunk with a margin that is dropped, so that no crop has a border of its own.
        """
        choices = random.Random(f"{self.options.seed} {number} degraded")  # noqa: S311  no secret
        side = scale * (self.options.crop + 2 * REACH)
        sharp = sharp[..., :side, :side].to(self.device)
        if choices.random() < 0.5:
            sharp = sharp.transpose(-1, -2)
        seen = sharp
        if self.options.blur:
            seen = gaussian_blur(seen, choices.uniform(0, self.options.blur) * scale)
        small = shrink(seen, scale)[..., REACH:-REACH, REACH:-REACH].clamp(0, 1)
        if self.options.jpeg < 100:
            small = torch.cat(
                [compressed(one[None], choices.randint(self.options.jpeg, 100)) for one in small]
            )
        margin = REACH * scale
        return (
            small.contiguous(memory_format=torch.channels_last),
            sharp[..., margin:-margin, margin:-margin],
        )

    def _perception(self) -> PerceptualLoss:
        layers = self.options.feature_layers
        network = VGG19(
            weights.load(self.options.weights),
            [*layers],
            pooling="average",
            padding="replicate",
            device=self.device,
            dtype=self.dtype,
        )
        return PerceptualLoss(network, layers)


@torch.no_grad()
def blended(network: UpscaleNetwork, start: UpscaleNetwork, share: float) -> UpscaleNetwork:
    """`network` with `share` of each parameter from `start`, which it was trained from.

    Network interpolation (Wang et al., ESRGAN, 2018, section 3.4): most of the sharpness, less of
    what was invented.
    """
    made = copy.deepcopy(network)
    for name, parameter in made.named_parameters():
        parameter.lerp_(start.get_parameter(name).to(parameter), share)
    return made


def pattern(error: Tensor, scale: int) -> Tensor:
    """How much of `error` (batch, 3, height, width) is the same in every `scale` × `scale` pixels.

    The mean absolute value of each such pixel's mean over WINDOW × WINDOW neighbours. Features want
    texture, and a network that does not know which paints one with the period of its own
    grid; errors of other kinds cancel in the mean.
    """
    phases = F.pixel_unshuffle(error, scale)
    return F.avg_pool2d(phases, min(WINDOW, phases.shape[-1])).abs().mean()


@torch.inference_mode(False)  # whatever the caller is in: gradients are needed
def train_upscaler(
    paths: Sequence[Path],
    options: UpscaleTrainingOptions,
    network: UpscaleNetwork | None = None,
    state: Progress | None = None,
    on_error: Callable[[str], None] = lambda message: None,
) -> Iterator[TrainingStep]:
    """Train a network on the photographs at `paths`, yielding each step.

    From `network` it begins if one is given; from a `state` of the same training it goes on as if
    it had never stopped. `on_error` is told of photographs that cannot be read.

    Raises:
        ImageError: no photograph can be read.
        DivergenceError: the loss is no finite number any more.
    """
    network = (network or UpscaleNetwork(options.seed)).to(pick_device(options.device))
    task = Task(network, paths, options, on_error)
    yield from train(network, task, options.steps, options.learning_rate, AVERAGING, state)
